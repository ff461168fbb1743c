/* Vectors of LANES elements as they lie in memory, and sums across lanes. */
#ifndef VARLEN_CPU_ELEMENTS_H
#define VARLEN_CPU_ELEMENTS_H

#include "kernels/panel.h"

#include <varlen/varlen.h>

typedef uint16_t element_halves __attribute__((vector_size(VECTOR_BYTES / 2)));

/* As row_from_float16 in rows.h, where the instruction set has no conversion of its own. */
static inline vfloat elements_from_float16(element_halves half)
{
#if defined(__AVX512F__)
    return (vfloat)_mm512_cvtph_ps((__m256i)half);
#elif defined(__F16C__)
    return (vfloat)_mm256_cvtph_ps((__m128i)half);
#else
    vuint bits = __builtin_convertvector(half, vuint);
    vuint magnitude = (bits & 0x7fff) << 13;
    vfloat rebased = (vfloat)magnitude * 0x1p112f;
    vuint infinite = (vuint)(magnitude >= (0x7c00u << 13));
    return (vfloat)((vuint)rebased | (infinite & 0x7f800000u) | ((bits & 0x8000) << 16));
#endif
}

/* Elements index .. index + LANES - 1 of a row, as float. `dtype` is known when this is compiled. */
PANEL_INLINE vfloat elements_load(const void *row, int64_t index, const varlen_dtype dtype)
{
    if (dtype == VARLEN_FLOAT32) {
        vfloat value;
        memcpy(&value, (const float *)row + index, sizeof value);
        return value;
    }
    element_halves half;
    memcpy(&half, (const uint16_t *)row + index, sizeof half);
    if (dtype == VARLEN_FLOAT16)
        return elements_from_float16(half);
    return (vfloat)(__builtin_convertvector(half, vuint) << 16);
}

/* Neighbouring lanes of a and b added: the sums of a, then those of b. */
static inline vfloat elements_add_neighbours(vfloat a, vfloat b)
{
#if VECTOR_BYTES == 64
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
           __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif VECTOR_BYTES == 32
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14) +
           __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#else
    return __builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7);
#endif
}

/* Lane i of the result is the sum of the lanes of vectors[i]. Overwrites the vectors. */
static inline vfloat elements_sum_lanes(vfloat *vectors)
{
    for (int count = LANES; count > 1; count /= 2)
        for (int i = 0; i < count / 2; i++)
            vectors[i] = elements_add_neighbours(vectors[2 * i], vectors[2 * i + 1]);
    return vectors[0];
}

#endif
