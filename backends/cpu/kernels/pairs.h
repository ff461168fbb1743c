/* Operands made of pairs of bfloat16, for PANEL_PAIRS (panel.h). Rows of bfloat16 are rows of pairs along the row as
 * they lie in memory; these functions pair neighbouring rows. */
#ifndef VARLEN_CPU_PAIRS_H
#define VARLEN_CPU_PAIRS_H

#include "kernels/panel.h"

typedef uint16_t pairs_halves __attribute__((vector_size(16)));

static inline pairs_halves pairs_load(const uint16_t *address)
{
    pairs_halves halves;
    memcpy(&halves, address, sizeof halves);
    return halves;
}

/* pairs[i] = (first[i], second[i]); a second row of NULL is 0. count is a multiple of 8. */
static inline void pairs_interleave(float *pairs, const uint16_t *first, const uint16_t *second, int32_t count)
{
    for (int32_t i = 0; i < count; i += 8) {
        pairs_halves low = pairs_load(first + i);
        pairs_halves high = second ? pairs_load(second + i) : (pairs_halves){0};
        pairs_halves front = __builtin_shufflevector(low, high, 0, 8, 1, 9, 2, 10, 3, 11);
        pairs_halves back = __builtin_shufflevector(low, high, 4, 12, 5, 13, 6, 14, 7, 15);
        memcpy(pairs + i, &front, sizeof front);
        memcpy(pairs + i + 4, &back, sizeof back);
    }
}

/* (first, second) of each lane, rounded to bfloat16. */
static inline vfloat pairs_round(vfloat first, vfloat second)
{
#if defined(__AVX512BF16__)
    const __m512i interleaved = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7,
                                                 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    __m512bh halves = _mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
    return (vfloat)_mm512_permutexvar_epi16(interleaved, (__m512i)halves);
#else
    (void)second; /* never called: PANEL_HAS_PAIRS is 0 */
    return first;
#endif
}

/* Vectors of two rows of bfloat16, element by element in pairs. Lanes come in the order that is cheapest: fours of the
 * first and of the second vector take turns along the row. */
static inline void pairs_interleave_vectors(vfloat pairs[2], vfloat first, vfloat second)
{
#if defined(__AVX512BF16__)
    pairs[0] = (vfloat)_mm512_unpacklo_epi16((__m512i)first, (__m512i)second);
    pairs[1] = (vfloat)_mm512_unpackhi_epi16((__m512i)first, (__m512i)second);
#else
    pairs[0] = first; /* never called: PANEL_HAS_PAIRS is 0 */
    pairs[1] = second;
#endif
}

/* From rows of floats in that order to rows in order; count is a multiple of 2 * LANES. */
static inline void pairs_restore_order(float *ordered, const float *row, int32_t count)
{
    enum { FOUR = 4 };
    for (int32_t block = 0; block < count; block += 2 * LANES)
        for (int32_t i = 0; i < LANES; i += FOUR) {
            memcpy(ordered + block + 2 * i, row + block + i, FOUR * sizeof *row);
            memcpy(ordered + block + 2 * i + FOUR, row + block + LANES + i, FOUR * sizeof *row);
        }
}

/* LANES neighbouring elements of each row become LANES / 2 pairs. In place or not: rows[row][PANEL] becomes
 * pairs[row][PANEL / 2], filled up with zeros to a multiple of PANEL_STEPS. */
static inline void pairs_pack_columns(float *pairs, const float *rows, int32_t count, int vectors)
{
#if defined(__AVX512BF16__)
    for (int32_t row = 0; row < count; row++)
        for (int v = 0; v < vectors; v++) {
            __m256bh halves = _mm512_cvtneps_pbh((__m512)vector_load(rows + (int64_t)row * PANEL + v * LANES));
            memcpy(pairs + (int64_t)row * (PANEL / 2) + v * (LANES / 2), &halves, sizeof halves);
        }
    const int32_t width = vectors * LANES / 2;
    const size_t missing = (size_t)(panel_round_up(width, PANEL_STEPS) - width) * sizeof *pairs;
    for (int32_t row = 0; missing && row < count; row++)
        memset(pairs + (int64_t)row * (PANEL / 2) + width, 0, missing);
#else
    (void)pairs; /* never called: PANEL_HAS_PAIRS is 0 */
    (void)rows;
    (void)count;
    (void)vectors;
#endif
}

/* Rows of pairs[count][PANEL], filled up with zeros to a multiple of PANEL_STEPS. */
static inline void pairs_fill_rows(float *pairs, int32_t count)
{
    int32_t missing = panel_round_up(count, PANEL_STEPS) - count;
    memset(pairs + (int64_t)count * PANEL, 0, (size_t)missing * PANEL * sizeof *pairs);
}

/* Rows of floats become rows of pairs of neighbouring rows, in place or not; a row without a partner is paired with 0.
 */
static inline void pairs_pack_rows(float *pairs, const float *rows, int32_t count, int vectors)
{
    for (int32_t row = 0; row < count; row += 2)
        for (int v = 0; v < vectors; v++) {
            const float *source = rows + (int64_t)row * PANEL + v * LANES;
            vfloat second = row + 1 < count ? vector_load(source + PANEL) : vector_splat(0.0f);
            vector_store(pairs + (int64_t)row / 2 * PANEL + v * LANES, pairs_round(vector_load(source), second));
        }
    pairs_fill_rows(pairs, (count + 1) / 2);
}

/* The same for an even number of rows, each times the factor of its column. */
static inline void pairs_scale_rows(float *rows, const float *factors, int32_t count, int vectors)
{
    for (int32_t row = 0; row < count; row += 2)
        for (int v = 0; v < vectors; v++) {
            const float *source = rows + (int64_t)row * PANEL + v * LANES;
            vfloat factor = vector_load(factors + v * LANES);
            vector_store(rows + (int64_t)row / 2 * PANEL + v * LANES,
                         pairs_round(vector_load(source) * factor, vector_load(source + PANEL) * factor));
        }
}

#endif
