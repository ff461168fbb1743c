/* The products of panel.h by vectors: PANEL_ROWS rows of the left matrix at a time, whose sums stay in registers. The
 * left matrix is read one element at a time and broadcast, so that it may lie in any order. */
#ifndef VARLEN_CPU_PANEL_VECTORS_H
#define VARLEN_CPU_PANEL_VECTORS_H

#include "kernels/panel.h"

_Static_assert(8 % PANEL_ROWS == 0, "dims are multiples of 8, not of PANEL_ROWS");
_Static_assert(PANEL_VECTORS == 3, "the functions below list the cases");

/* Around the products of a thread; nothing to do but on the matrix unit. */
static inline void panel_begin_products(void)
{
}

static inline void panel_end_products(void)
{
}

PANEL_INLINE void panel_block(vfloat (*sums)[PANEL_VECTORS], panel_left left, panel_right right, int32_t steps,
                              const int vectors, const panel_elements elements)
{
    for (int row = 0; row < PANEL_ROWS; row++)
        for (int v = 0; v < vectors; v++)
            sums[row][v] = vector_splat(0.0f);
    for (int32_t step = 0; step < steps; step++) {
        vfloat columns[PANEL_VECTORS];
        for (int v = 0; v < vectors; v++)
            columns[v] = vector_load(right.data + step * right.step_stride + v * LANES);
        for (int row = 0; row < PANEL_ROWS; row++) {
            vfloat element = vector_splat(left.data[row * left.row_stride + step * left.step_stride]);
            for (int v = 0; v < vectors; v++)
                sums[row][v] = panel_multiply_add(sums[row][v], element, columns[v], elements);
        }
    }
}

PANEL_INLINE void panel_scores_vectors(float *scores, panel_left left, int32_t rows, const float *right, int32_t steps,
                                       const int vectors, const panel_elements elements)
{
    for (int32_t row = 0; row < rows; row += PANEL_ROWS) {
        vfloat sums[PANEL_ROWS][PANEL_VECTORS];
        panel_block(sums, left, (panel_right){right, PANEL}, steps, vectors, elements);
        for (int r = 0; r < PANEL_ROWS; r++)
            for (int v = 0; v < vectors; v++)
                vector_store(scores + (int64_t)(row + r) * PANEL + v * LANES, sums[r][v]);
        left.data += PANEL_ROWS * left.row_stride;
    }
}

PANEL_INLINE void panel_accumulate_vectors(float *total, const float *factors, panel_left left, int32_t rows,
                                           const float *right, int32_t steps, const int vectors,
                                           const panel_elements elements)
{
    vfloat factor[PANEL_VECTORS];
    for (int v = 0; v < vectors; v++)
        factor[v] = vector_load(factors + v * LANES);
    for (int32_t row = 0; row < rows; row += PANEL_ROWS) {
        vfloat sums[PANEL_ROWS][PANEL_VECTORS];
        panel_block(sums, left, (panel_right){right, PANEL}, steps, vectors, elements);
        for (int r = 0; r < PANEL_ROWS; r++)
            for (int v = 0; v < vectors; v++) {
                float *address = total + (int64_t)(row + r) * PANEL + v * LANES;
                vector_store(address, vector_load(address) * factor[v] + sums[r][v]);
            }
        left.data += PANEL_ROWS * left.row_stride;
    }
}

PANEL_INLINE void panel_contract_vectors(float *total, int64_t stride, panel_left left, int32_t rows, panel_right right,
                                         int32_t steps, const int vectors, const panel_elements elements)
{
    for (int32_t row = 0; row < rows; row += PANEL_ROWS) {
        vfloat sums[PANEL_ROWS][PANEL_VECTORS];
        panel_block(sums, left, right, steps, vectors, elements);
        for (int r = 0; r < PANEL_ROWS; r++)
            for (int v = 0; v < vectors; v++) {
                float *address = total + (row + r) * stride + v * LANES;
                vector_store(address, vector_load(address) + sums[r][v]);
            }
        left.data += PANEL_ROWS * left.row_stride;
    }
}

PANEL_INLINE void panel_scores_elements(float *scores, panel_left left, int32_t rows, const float *right, int32_t steps,
                                        int vectors, const panel_elements elements)
{
    switch (vectors) {
    case 1: panel_scores_vectors(scores, left, rows, right, steps, 1, elements); break;
    case 2: panel_scores_vectors(scores, left, rows, right, steps, 2, elements); break;
    default: panel_scores_vectors(scores, left, rows, right, steps, 3, elements); break;
    }
}

PANEL_INLINE void panel_accumulate_elements(float *total, const float *factors, panel_left left, int32_t rows,
                                            const float *right, int32_t steps, int vectors,
                                            const panel_elements elements)
{
    switch (vectors) {
    case 1: panel_accumulate_vectors(total, factors, left, rows, right, steps, 1, elements); break;
    case 2: panel_accumulate_vectors(total, factors, left, rows, right, steps, 2, elements); break;
    default: panel_accumulate_vectors(total, factors, left, rows, right, steps, 3, elements); break;
    }
}

PANEL_INLINE void panel_contract_elements(float *total, int64_t stride, panel_left left, int32_t rows,
                                          panel_right right, int32_t steps, int32_t columns,
                                          const panel_elements elements)
{
    for (int32_t column = 0; column < columns; column += PANEL) {
        panel_right part = {right.data + column, right.step_stride};
        switch ((columns - column + LANES - 1) / LANES) {
        case 1: panel_contract_vectors(total + column, stride, left, rows, part, steps, 1, elements); break;
        case 2: panel_contract_vectors(total + column, stride, left, rows, part, steps, 2, elements); break;
        default: panel_contract_vectors(total + column, stride, left, rows, part, steps, 3, elements); break;
        }
    }
}

/* scores[rows][PANEL] = left[rows][steps] * right[steps][PANEL], over the first `vectors` vectors of columns. Rows are
 * rounded up to PANEL_ROWS: the left matrix may be read, and scores written, that far. */
static inline void panel_scores(float *scores, panel_left left, int32_t rows, const float *right, int32_t steps,
                                int vectors, panel_elements elements)
{
    if (PANEL_HAS_PAIRS && elements == PANEL_PAIRS)
        panel_scores_elements(scores, left, rows, right, steps, vectors, PANEL_PAIRS);
    else
        panel_scores_elements(scores, left, rows, right, steps, vectors, PANEL_FLOATS);
}

/* total[rows][PANEL] = total * factors[PANEL] + left[rows][steps] * right[steps][PANEL]; rows are a multiple of 8. */
static inline void panel_accumulate(float *total, const float *factors, panel_left left, int32_t rows,
                                    const float *right, int32_t steps, int vectors, panel_elements elements)
{
    if (PANEL_HAS_PAIRS && elements == PANEL_PAIRS)
        panel_accumulate_elements(total, factors, left, rows, right, steps, vectors, PANEL_PAIRS);
    else
        panel_accumulate_elements(total, factors, left, rows, right, steps, vectors, PANEL_FLOATS);
}

/* total[rows][columns] += left[rows][steps] * right[steps][columns]. Rows are rounded up to PANEL_ROWS, columns to
 * LANES: the matrices may be read and written that far. */
static inline void panel_contract(float *total, int64_t stride, panel_left left, int32_t rows, panel_right right,
                                  int32_t steps, int32_t columns, panel_elements elements)
{
    if (PANEL_HAS_PAIRS && elements == PANEL_PAIRS)
        panel_contract_elements(total, stride, left, rows, right, steps, columns, PANEL_PAIRS);
    else
        panel_contract_elements(total, stride, left, rows, right, steps, columns, PANEL_FLOATS);
}

#endif
