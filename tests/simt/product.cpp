/* Products of matrices, as a matrix unit would round them. */
#include "product.h"

void simt_transpose(simt_matrix &to, const simt_matrix &from)
{
    const float *elements = from.row(0);
    const int columns = from.columns;
    for (int r = 0; r < to.rows; r++) {
        float *row = to.row(r);
        for (int c = 0; c < to.columns; c++)
            row[c] = elements[c * columns + r];
    }
}

/* Half of the time of a kernel, unless the compiler knows that no two of these overlap. */
static void add_scaled(float *__restrict sum, float x, const float *__restrict y, int count)
{
    for (int c = 0; c < count; c++)
        sum[c] += x * y[c];
}

void simt_multiply(simt_matrix &sums, const simt_matrix &left, const simt_matrix &right)
{
    for (int r = 0; r < sums.rows; r++)
        for (int step = 0; step < left.columns; step++)
            add_scaled(sums.row(r), left.row(r)[step], right.row(step), sums.columns);
}

simt_product_threads::simt_product_threads(void *const (&arguments)[simt_warp])
{
    const simt_product_thread &first = *(const simt_product_thread *)arguments[0];
    a = first.a;
    a_row = first.a_row;
    a_column = first.a_column;
    b = first.b;
    b_row = first.b_row;
    b_column = first.b_column;
    for (int lane = 0; lane < simt_warp; lane++) {
        const simt_product_thread &thread = *(const simt_product_thread *)arguments[lane];
        simt_require(thread.a == a && thread.a_row == a_row && thread.a_column == a_column && thread.b == b &&
                         thread.b_row == b_row && thread.b_column == b_column,
                     "the threads of a warp name different parts of tiles");
        sums[lane] = thread.sums;
        operands[lane] = thread.operand;
    }
}
