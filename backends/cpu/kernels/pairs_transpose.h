/* Rows of bfloat16 as left matrices of the matrix unit, whose steps are pairs of neighbouring rows. */
#ifndef VARLEN_CPU_PAIRS_TRANSPOSE_H
#define VARLEN_CPU_PAIRS_TRANSPOSE_H

#include "kernels/panel.h"

#if defined(CPU_AMX)
#include <immintrin.h>

enum { PAIRS_TRANSPOSE_DIMS = 8 };

/* Elements dim .. dim + 7 of rows first, first + 8, first + 16 and first + 24. */
static inline __m512i pairs_transpose_load(const uint16_t *const *rows, int first, int32_t dim)
{
    __m512i part = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(rows[first] + dim)));
    part = _mm512_mask_broadcast_i32x4(part, 0x00f0, _mm_loadu_si128((const __m128i *)(rows[first + 8] + dim)));
    part = _mm512_mask_broadcast_i32x4(part, 0x0f00, _mm_loadu_si128((const __m128i *)(rows[first + 16] + dim)));
    return _mm512_mask_broadcast_i32x4(part, 0xf000, _mm_loadu_si128((const __m128i *)(rows[first + 24] + dim)));
}

/* From pairs[i], whose 128-bit lane l has four dims of pair 4 * l + i, to rows to[dim][pair]. */
static inline void pairs_transpose_store(float *to, int64_t stride, const __m512i pairs[4])
{
    __m512i low01 = _mm512_unpacklo_epi32(pairs[0], pairs[1]);
    __m512i high01 = _mm512_unpackhi_epi32(pairs[0], pairs[1]);
    __m512i low23 = _mm512_unpacklo_epi32(pairs[2], pairs[3]);
    __m512i high23 = _mm512_unpackhi_epi32(pairs[2], pairs[3]);
    _mm512_store_si512(to, _mm512_unpacklo_epi64(low01, low23));
    _mm512_store_si512(to + stride, _mm512_unpackhi_epi64(low01, low23));
    _mm512_store_si512(to + 2 * stride, _mm512_unpacklo_epi64(high01, high23));
    _mm512_store_si512(to + 3 * stride, _mm512_unpackhi_epi64(high01, high23));
}

/* to[dim][PANEL_STEPS pairs of rows] from 2 * PANEL_STEPS rows; dims is a multiple of PAIRS_TRANSPOSE_DIMS. */
static inline void pairs_transpose(float *to, int64_t stride, const uint16_t *const *rows, int32_t dims)
{
    for (int32_t dim = 0; dim < dims; dim += PAIRS_TRANSPOSE_DIMS) {
        __m512i low[4], high[4];
        for (int i = 0; i < 4; i++) {
            __m512i first = pairs_transpose_load(rows, 2 * i, dim);
            __m512i second = pairs_transpose_load(rows, 2 * i + 1, dim);
            low[i] = _mm512_unpacklo_epi16(first, second);
            high[i] = _mm512_unpackhi_epi16(first, second);
        }
        pairs_transpose_store(to + dim * stride, stride, low);
        pairs_transpose_store(to + (dim + 4) * stride, stride, high);
    }
}
#endif

#endif
