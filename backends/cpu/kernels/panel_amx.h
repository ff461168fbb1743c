/* The products of panel.h on the matrix unit, for pairs: blocks of 2 x 2 tiles, so that four loads feed four products
 * whose sums do not wait for one another. Between amx_configure and amx_release (amx.h). */
#ifndef VARLEN_CPU_PANEL_AMX_H
#define VARLEN_CPU_PANEL_AMX_H

#include "kernels/amx.h"
#include "kernels/panel.h"

_Static_assert((int)LANES == (int)AMX_ROWS && (int)PANEL_STEPS == (int)AMX_ROWS, "a vector is a row of a tile");
_Static_assert(PANEL_VECTORS % 2 == 0 && PANEL_ROW_STEP % AMX_ROWS == 0, "panels and rows are whole tiles");

/* total[rows][columns] = or += left * right, for a block of rows x columns tiles. */
PANEL_INLINE void panel_block(float *total, int64_t stride, panel_left left, panel_right right, int32_t steps,
                              const int rows, const int columns, int add)
{
#pragma GCC unroll 2
    for (int row = 0; row < rows; row++)
#pragma GCC unroll 2
        for (int column = 0; column < columns; column++)
            if (add)
                amx_load(2 * row + column, total + row * AMX_ROWS * stride + column * AMX_ROWS, stride);
            else
                amx_zero(2 * row + column);
    for (int32_t step = 0; step < steps; step += PANEL_STEPS) {
#pragma GCC unroll 2
        for (int column = 0; column < columns; column++)
            amx_load(AMX_RIGHT + column, right.data + step * right.step_stride + column * AMX_ROWS, right.step_stride);
#pragma GCC unroll 2
        for (int row = 0; row < rows; row++) {
            amx_load(AMX_LEFT + row, left.data + row * AMX_ROWS * left.row_stride + step, left.row_stride);
#pragma GCC unroll 2
            for (int column = 0; column < columns; column++)
                amx_multiply_add(row, column);
        }
    }
#pragma GCC unroll 2
    for (int row = 0; row < rows; row++)
#pragma GCC unroll 2
        for (int column = 0; column < columns; column++)
            amx_store(2 * row + column, total + row * AMX_ROWS * stride + column * AMX_ROWS, stride);
}

/* A product that is made block by block, so that vector instructions can run between the blocks. */
typedef struct panel_task {
    float *total;
    int64_t stride;
    panel_left left;
    panel_right right;
    int32_t rows; /* what is left of them; 0 or less: nothing to do */
    int32_t steps;
    int32_t columns;
    int32_t column; /* where the next block begins */
    int add;        /* to total, rather than setting it */
} panel_task;

/* Makes the next block; returns 0 if there was none. */
static inline int panel_task_step(panel_task *task)
{
    if (task->rows <= 0)
        return 0;
    float *total = task->total + task->column;
    panel_right right = {task->right.data + task->column, task->right.step_stride};
    const int two_rows = task->rows > AMX_ROWS;
    const int two_columns = task->columns - task->column > AMX_ROWS;
    if (two_rows && two_columns)
        panel_block(total, task->stride, task->left, right, task->steps, 2, 2, task->add);
    else if (two_rows)
        panel_block(total, task->stride, task->left, right, task->steps, 2, 1, task->add);
    else if (two_columns)
        panel_block(total, task->stride, task->left, right, task->steps, 1, 2, task->add);
    else
        panel_block(total, task->stride, task->left, right, task->steps, 1, 1, task->add);

    task->column += 2 * AMX_ROWS;
    if (task->column >= task->columns) {
        task->column = 0;
        task->rows -= 2 * AMX_ROWS;
        task->total += 2 * AMX_ROWS * task->stride;
        task->left.data += 2 * AMX_ROWS * task->left.row_stride;
    }
    return 1;
}

/* Makes the blocks that are left. */
static inline void panel_task_finish(panel_task task)
{
    while (panel_task_step(&task))
        continue;
}

/* Around the products of a thread. */
static inline void panel_begin_products(void)
{
    amx_configure();
}

static inline void panel_end_products(void)
{
    amx_release();
}

/* As in panel_vectors.h; rows are rounded up to AMX_ROWS in all three. */
static inline void panel_scores(float *scores, panel_left left, int32_t rows, const float *right, int32_t steps,
                                int vectors, panel_elements elements)
{
    (void)elements;
    panel_task_finish((panel_task){.total = scores,
                                   .stride = PANEL,
                                   .left = left,
                                   .right = {right, PANEL},
                                   .rows = rows,
                                   .steps = steps,
                                   .columns = vectors * LANES});
}

/* Most factors are 1: see softmax_pairs.h. */
static inline void panel_scale(float *total, const float *factors, int32_t rows, int vectors)
{
    for (int v = 0; v < vectors; v++) {
        vfloat factor = vector_load(factors + v * LANES);
        if (_mm512_cmpneq_ps_mask((__m512)factor, _mm512_set1_ps(1.0f)) == 0)
            continue;
        for (int32_t row = 0; row < rows; row++) {
            float *address = total + (int64_t)row * PANEL + v * LANES;
            vector_store(address, vector_load(address) * factor);
        }
    }
}

static inline void panel_contract(float *total, int64_t stride, panel_left left, int32_t rows, panel_right right,
                                  int32_t steps, int32_t columns, panel_elements elements)
{
    (void)elements;
    panel_task_finish((panel_task){.total = total,
                                   .stride = stride,
                                   .left = left,
                                   .right = right,
                                   .rows = rows,
                                   .steps = steps,
                                   .columns = columns,
                                   .add = 1});
}

static inline void panel_accumulate(float *total, const float *factors, panel_left left, int32_t rows,
                                    const float *right, int32_t steps, int vectors, panel_elements elements)
{
    panel_scale(total, factors, rows, vectors);
    panel_contract(total, PANEL, left, rows, (panel_right){right, PANEL}, steps, vectors * LANES, elements);
}

#endif
