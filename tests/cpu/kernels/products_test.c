/* panel_vectors.h, panel_amx.h: the three products, for numbers of rows, steps and columns that fill nothing up. */
#include "kernels/panel_products.h"
#include "operands.h"
#include "pieces.h"

enum { MOST_ROWS = 40, MOST_STEPS = 40 };

/* The operands of a product. What a product must not read holds canaries: they would make NaNs of its results. */
typedef struct operands {
    panel_elements kind;
    int32_t rows, steps, columns;
    panel_left left;
    panel_right right;
} operands;

/* Both matrices are padded with zeros to whole steps of the product; the left one may be read beyond its rows. */
static operands make_operands(panel_elements kind, int32_t rows, int32_t steps, int32_t columns, int64_t right_stride,
                              bool transposed)
{
    const int32_t padded_rows = panel_round_up(rows, PANEL_ROW_STEP);
    const int32_t padded_steps = panel_round_up(steps, PANEL_STEPS);
    const int64_t row_stride = transposed ? 1 : padded_steps + 5;
    const int64_t step_stride = transposed ? padded_rows + 3 : 1;
    float *left = check_floats(padded_rows * row_stride + padded_steps * step_stride);
    float *right = check_floats(padded_steps * right_stride);
    for (int32_t step = 0; step < padded_steps; step++) {
        for (int32_t row = 0; row < padded_rows; row++)
            left[row * row_stride + step * step_stride] = step < steps ? operand_random(kind) : 0.0f;
        for (int32_t column = 0; column < columns; column++)
            right[step * right_stride + column] = step < steps ? operand_random(kind) : 0.0f;
    }
    return (operands){kind, rows, steps, columns, {left, row_stride, step_stride}, {right, right_stride}};
}

static operand_sum expected_at(const operands *in, int32_t row, int32_t column)
{
    operand_sum sum = {0};
    for (int32_t step = 0; step < in->steps; step++)
        operand_multiply_add(&sum, in->left.data[row * in->left.row_stride + step * in->left.step_stride],
                             in->right.data[step * in->right.step_stride + column], in->kind);
    return sum;
}

/* got[rows][columns] = before * factors + the product; NULL before: the product alone. Columns from `columns` on, and
 * rows from the next multiple of PANEL_ROW_STEP on, were not written. */
static void check_result(const operands *in, const float *got, const float *before, const float *factors,
                         int64_t stride, const char *what)
{
    const int32_t written = panel_round_up(in->rows, PANEL_ROW_STEP);
    const int32_t touched = panel_round_up(in->columns, LANES);
    for (int32_t row = 0; row < in->rows; row++)
        for (int32_t column = 0; column < in->columns; column++) {
            const int64_t place = row * stride + column;
            operand_sum sum = expected_at(in, row, column);
            if (before)
                operand_add(&sum, before[place] * (double)(factors ? factors[column] : 1.0f));
            check_near((double)got[place], sum.value, operand_bound(sum), what, row, column);
        }
    for (int32_t row = 0; row < written; row++)
        check_untouched(got + row * stride + touched, stride - touched, what, row, touched);
    check_untouched(got + written * stride, stride, what, written, 0);
}

/* A result of so many rows, with room for one more than may be written; filled with numbers if something is added. */
static float *make_result(const operands *in, int64_t stride, bool filled)
{
    float *result = check_floats((panel_round_up(in->rows, PANEL_ROW_STEP) + 1) * stride);
    for (int32_t row = 0; filled && row < in->rows; row++)
        for (int32_t column = 0; column < in->columns; column++)
            result[row * stride + column] = check_random();
    return result;
}

static float *copy_of(const float *floats, int64_t count)
{
    float *copy = check_floats(count);
    memcpy(copy, floats, (size_t)count * sizeof *copy);
    return copy;
}

static void check_scores(panel_elements kind, int32_t rows, int32_t steps, int vectors, bool transposed)
{
    operands in = make_operands(kind, rows, steps, vectors * LANES, PANEL, transposed);
    float *scores = make_result(&in, PANEL, false);
    panel_scores(scores, in.left, rows, in.right.data, steps, vectors, kind);
    check_result(&in, scores, NULL, NULL, PANEL, "scores");
}

static void check_accumulate(panel_elements kind, int32_t rows, int32_t steps, int vectors, bool transposed)
{
    rows = panel_round_up(rows, 8);
    operands in = make_operands(kind, rows, steps, vectors * LANES, PANEL, transposed);
    float *total = make_result(&in, PANEL, true);
    const float *before = copy_of(total, (int64_t)rows * PANEL);
    float *factors = check_floats(PANEL);
    for (int32_t column = 0; column < in.columns; column++) /* those of the first vector are 1 */
        factors[column] = column < LANES ? 1.0f : check_random();
    panel_accumulate(total, factors, in.left, rows, in.right.data, steps, vectors, kind);
    check_result(&in, total, before, factors, PANEL, "accumulated");
}

static void check_contract(panel_elements kind, int32_t rows, int32_t steps, int32_t columns, bool transposed)
{
    const int64_t stride = panel_round_up(columns, LANES) + 2 * LANES;
    operands in = make_operands(kind, rows, steps, columns, stride, transposed);
    float *total = make_result(&in, stride, true);
    const float *before = copy_of(total, rows * stride);
    panel_contract(total, stride, in.left, rows, in.right, steps, columns, kind);
    check_result(&in, total, before, NULL, stride, "contracted");
}

/* All three, over sizes; on AMX, the left matrix lies in one order only. */
static void products_are_those_of_a_plain_loop(void)
{
    static const int32_t rows[] = {1, 2, 7, 8, 9, 16, 17, 31, 32, 33, MOST_ROWS};
    static const int32_t steps[] = {1, 2, 3, 15, 16, 17, 31, MOST_STEPS};
    enum { ROWS = sizeof rows / sizeof *rows, STEPS = sizeof steps / sizeof *steps };
    panel_begin_products();
    for (int k = 0; k < OPERAND_KINDS; k++)
        for (int r = 0; r < ROWS; r++)
            for (int s = 0; s < STEPS; s++) {
                const bool transposed = !PANEL_ON_AMX && (r + s) % 2;
                for (int vectors = 1; vectors <= PANEL_VECTORS; vectors++) {
                    check_scores(operand_kinds[k], rows[r], steps[s], vectors, transposed);
                    check_accumulate(operand_kinds[k], rows[r], steps[s], vectors, transposed);
                }
                check_contract(operand_kinds[k], rows[r], steps[s], 8 * (r + 1), transposed);
                check_contract(operand_kinds[k], rows[r], steps[s], PANEL + 8 * s, transposed);
            }
    panel_end_products();
}

/* A row of the result has the same bits whichever rows and vectors are computed with it. */
static void rows_do_not_depend_on_their_neighbours(void)
{
    enum { ROWS = 24, STEPS = 37 };
    panel_begin_products();
    for (int k = 0; k < OPERAND_KINDS; k++) {
        operands in = make_operands(operand_kinds[k], 2 * MOST_ROWS, STEPS, PANEL, PANEL, false);
        float *together = check_floats((int64_t)PANEL * 2 * MOST_ROWS);
        float *alone = check_floats((int64_t)PANEL * PANEL_ROW_STEP);
        panel_scores(together, in.left, ROWS, in.right.data, STEPS, PANEL_VECTORS, in.kind);
        for (int32_t row = 0; row < ROWS; row++) {
            panel_left left = in.left;
            left.data += row * left.row_stride;
            panel_scores(alone, left, 1, in.right.data, STEPS, 1, in.kind);
            CHECK(memcmp(alone, together + (int64_t)row * PANEL, LANES * sizeof *alone) == 0,
                  "row %d has other bits alone", row);
        }
    }
    panel_end_products();
}

#if defined(CPU_AMX)
/* Each step of a task makes a block of at most 2 x 2 tiles, and none makes nothing. */
static void tasks_are_made_block_by_block(void)
{
    operands in = make_operands(PANEL_PAIRS, 48, 16, PANEL, PANEL, false);
    float *total = make_result(&in, PANEL, false);
    panel_task task = {.total = total,
                       .stride = PANEL,
                       .left = in.left,
                       .right = in.right,
                       .rows = in.rows,
                       .steps = in.steps,
                       .columns = PANEL};
    panel_task nothing = {.rows = 0};
    int blocks = 0;
    panel_begin_products();
    CHECK(!panel_task_step(&nothing), "a task without rows makes a block");
    while (panel_task_step(&task))
        blocks++;
    panel_end_products();
    CHECK(blocks == 4, "48 rows of %d columns are %d blocks", PANEL, blocks);
    check_result(&in, total, NULL, NULL, PANEL, "total");
}
#endif

int test_products(void)
{
    static const check_test tests[] = {
        {"products_are_those_of_a_plain_loop", products_are_those_of_a_plain_loop},
        {"rows_do_not_depend_on_their_neighbours", rows_do_not_depend_on_their_neighbours},
#if defined(CPU_AMX)
        {"tasks_are_made_block_by_block", tasks_are_made_block_by_block},
#endif
    };
    return check_run(tests, sizeof tests / sizeof *tests);
}
