/* The matrix product of the kernels: a panel is PANEL columns wide, one column per query row, so that a vector holds
 * the same element of LANES query rows and every step of the softmax works down the columns without a horizontal
 * reduction.
 *
 *     scores:      S[key][query]   = sum over dim of K[key][dim] * Q[dim][query]
 *     accumulate:  O[value][query] = O[value][query] * rescale[query] + sum over key of V[key][value] * P[key][query]
 *
 * In both, the left matrix is read one element at a time and broadcast, so keys and values stay in row order. */
#ifndef VARLEN_CPU_PANEL_H
#define VARLEN_CPU_PANEL_H

#include "kernels/vector.h"

/* Changes speed, never results: PANEL_ROWS * PANEL_VECTORS sums, PANEL_VECTORS columns and one broadcast fit in the
 * registers: 32 with AVX-512 and NEON, 16 otherwise. PANEL_ROWS divides 8, of which dims are multiples. */
#if defined(__AVX512F__) || defined(__ARM_NEON)
enum { PANEL_ROWS = 8, PANEL_VECTORS = 3 };
#else
enum { PANEL_ROWS = 4, PANEL_VECTORS = 3 };
#endif
enum { PANEL = PANEL_VECTORS * LANES };

/* The left matrix of a product: element (row, step) is data[row * row_stride + step * step_stride]. */
typedef struct panel_left {
    const float *data;
    int64_t row_stride;
    int64_t step_stride;
} panel_left;

#define PANEL_INLINE static inline __attribute__((always_inline))

PANEL_INLINE void panel_block(vfloat (*sums)[PANEL_VECTORS], panel_left left, const float *right, int32_t steps,
                              const int vectors)
{
    for (int row = 0; row < PANEL_ROWS; row++)
        for (int v = 0; v < vectors; v++)
            sums[row][v] = vector_splat(0.0f);
    for (int32_t step = 0; step < steps; step++) {
        vfloat columns[PANEL_VECTORS];
        for (int v = 0; v < vectors; v++)
            columns[v] = vector_load(right + (int64_t)step * PANEL + v * LANES);
        for (int row = 0; row < PANEL_ROWS; row++) {
            vfloat element = vector_splat(left.data[row * left.row_stride + step * left.step_stride]);
            for (int v = 0; v < vectors; v++)
                sums[row][v] += element * columns[v];
        }
    }
}

PANEL_INLINE void panel_scores_vectors(float *scores, panel_left left, int32_t rows, const float *right, int32_t steps,
                                       const int vectors)
{
    for (int32_t row = 0; row < rows; row += PANEL_ROWS) {
        vfloat sums[PANEL_ROWS][PANEL_VECTORS];
        panel_block(sums, left, right, steps, vectors);
        for (int r = 0; r < PANEL_ROWS; r++)
            for (int v = 0; v < vectors; v++)
                vector_store(scores + (int64_t)(row + r) * PANEL + v * LANES, sums[r][v]);
        left.data += PANEL_ROWS * left.row_stride;
    }
}

PANEL_INLINE void panel_accumulate_vectors(float *total, const float *rescale, panel_left left, int32_t rows,
                                           const float *right, int32_t steps, const int vectors)
{
    vfloat factor[PANEL_VECTORS];
    for (int v = 0; v < vectors; v++)
        factor[v] = vector_load(rescale + v * LANES);
    for (int32_t row = 0; row < rows; row += PANEL_ROWS) {
        vfloat sums[PANEL_ROWS][PANEL_VECTORS];
        panel_block(sums, left, right, steps, vectors);
        for (int r = 0; r < PANEL_ROWS; r++)
            for (int v = 0; v < vectors; v++) {
                float *address = total + (int64_t)(row + r) * PANEL + v * LANES;
                vector_store(address, vector_load(address) * factor[v] + sums[r][v]);
            }
        left.data += PANEL_ROWS * left.row_stride;
    }
}

/* scores[rows][PANEL] = left[rows][steps] * right[steps][PANEL], over the first `vectors` vectors of columns. Rows are
 * rounded up to PANEL_ROWS: the left matrix may be read, and scores written, that far. */
static inline void panel_scores(float *scores, panel_left left, int32_t rows, const float *right, int32_t steps,
                                int vectors)
{
    switch (vectors) {
    case 1: panel_scores_vectors(scores, left, rows, right, steps, 1); break;
    case 2: panel_scores_vectors(scores, left, rows, right, steps, 2); break;
    default: panel_scores_vectors(scores, left, rows, right, steps, 3); break;
    }
}

/* total[rows][PANEL] = total * rescale[PANEL] + left[rows][steps] * right[steps][PANEL]; rows are a multiple of 8. */
static inline void panel_accumulate(float *total, const float *rescale, panel_left left, int32_t rows,
                                    const float *right, int32_t steps, int vectors)
{
    switch (vectors) {
    case 1: panel_accumulate_vectors(total, rescale, left, rows, right, steps, 1); break;
    case 2: panel_accumulate_vectors(total, rescale, left, rows, right, steps, 2); break;
    default: panel_accumulate_vectors(total, rescale, left, rows, right, steps, 3); break;
    }
}

_Static_assert(8 % PANEL_ROWS == 0, "value_dim is a multiple of 8, not of PANEL_ROWS");
_Static_assert(PANEL_VECTORS == 3, "panel_scores and panel_accumulate list the cases");

#endif
