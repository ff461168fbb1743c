/* What the threads of a warp bring to a product of matrices, and the product itself. */
#ifndef SIMT_PRODUCT_H
#define SIMT_PRODUCT_H

#include "machine.h"

struct simt_matrix {
    int rows;
    int columns;
    std::vector<float> elements;

    simt_matrix(int row_count, int column_count)
        : rows(row_count), columns(column_count), elements((size_t)row_count * (size_t)column_count)
    {
    }

    float *row(int r)
    {
        return &elements[(size_t)r * (size_t)columns];
    }

    const float *row(int r) const
    {
        return &elements[(size_t)r * (size_t)columns];
    }
};

void simt_transpose(simt_matrix &to, const simt_matrix &from);

/* sums += left * right in float, step after step. Products of half floats are exact in float. */
void simt_multiply(simt_matrix &sums, const simt_matrix &left, const simt_matrix &right);

struct simt_product_thread {
    void *sums;
    void *operand; /* NULL: the left matrix is in tile a */
    const void *a;
    int a_row;
    int a_column;
    const void *b;
    int b_row;
    int b_column;
};

/* The same for all threads of the warp. Fails if they name different parts of tiles. */
struct simt_product_threads {
    void *sums[simt_warp];
    void *operands[simt_warp];
    const void *a;
    int a_row;
    int a_column;
    const void *b;
    int b_row;
    int b_column;

    explicit simt_product_threads(void *const (&arguments)[simt_warp]);
};

#endif
