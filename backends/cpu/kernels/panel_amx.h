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
                              const int rows, const int columns, const int add)
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

/* One or two rows of tiles. */
PANEL_INLINE void panel_row_block(float *total, int64_t stride, panel_left left, panel_right right, int32_t steps,
                                  int32_t columns, const int rows, const int add)
{
    int32_t column = 0;
    for (; column + AMX_ROWS < columns; column += 2 * AMX_ROWS)
        panel_block(total + column, stride, left, (panel_right){right.data + column, right.step_stride}, steps, rows, 2,
                    add);
    if (column < columns)
        panel_block(total + column, stride, left, (panel_right){right.data + column, right.step_stride}, steps, rows, 1,
                    add);
}

PANEL_INLINE void panel_product(float *total, int64_t stride, panel_left left, int32_t rows, panel_right right,
                                int32_t steps, int32_t columns, const int add)
{
    for (; rows > AMX_ROWS; rows -= 2 * AMX_ROWS) {
        panel_row_block(total, stride, left, right, steps, columns, 2, add);
        total += 2 * AMX_ROWS * stride;
        left.data += 2 * AMX_ROWS * left.row_stride;
    }
    if (rows > 0)
        panel_row_block(total, stride, left, right, steps, columns, 1, add);
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
    panel_product(scores, PANEL, left, rows, (panel_right){right, PANEL}, steps, vectors * LANES, 0);
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

static inline void panel_accumulate(float *total, const float *factors, panel_left left, int32_t rows,
                                    const float *right, int32_t steps, int vectors, panel_elements elements)
{
    (void)elements;
    panel_scale(total, factors, rows, vectors);
    panel_product(total, PANEL, left, rows, (panel_right){right, PANEL}, steps, vectors * LANES, 1);
}

static inline void panel_contract(float *total, int64_t stride, panel_left left, int32_t rows, panel_right right,
                                  int32_t steps, int32_t columns, panel_elements elements)
{
    (void)elements;
    panel_product(total, stride, left, rows, right, steps, columns, 1);
}

#endif
