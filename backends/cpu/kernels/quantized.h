/* Rows of quantised keys and values into float, or pairs of bfloat16, which hold every number of theirs. Scales come
 * later, where there are fewer numbers to multiply: on scores and weights. */
#ifndef VARLEN_CPU_QUANTIZED_H
#define VARLEN_CPU_QUANTIZED_H

#include "kernels/elements.h"
#include "kernels/quantized_tables.h"

typedef int8_t quantized_bytes __attribute__((vector_size(LANES)));
typedef int16_t quantized_words __attribute__((vector_size(2 * LANES)));

/* LANES bytes with their signs. By the instruction where there is one: gcc takes conversions between vectors of other
 * sizes apart, element by element. */
static inline quantized_words quantized_widen(const void *bytes)
{
#if defined(__AVX512F__)
    return (quantized_words)_mm256_cvtepi8_epi16(_mm_loadu_si128(bytes));
#elif defined(__AVX2__)
    return (quantized_words)_mm_cvtepi8_epi16(_mm_loadl_epi64(bytes));
#else
    quantized_bytes narrow;
    memcpy(&narrow, bytes, sizeof narrow);
    return __builtin_convertvector(narrow, quantized_words);
#endif
}

static inline vfloat quantized_from_int8(quantized_words number)
{
#if defined(__AVX512F__)
    return (vfloat)_mm512_cvtepi32_ps(_mm512_cvtepi16_epi32((__m256i)number));
#elif defined(__AVX2__)
    return (vfloat)_mm256_cvtepi32_ps(_mm256_cvtepi16_epi32((__m128i)number));
#else
    return __builtin_convertvector(__builtin_convertvector(number, vint), vfloat);
#endif
}

/* Exponent and fraction moved to those of a float16 are 2^-8 of the number. The one NaN of either sign, all ones, must
 * become one: adding the last place carries into the exponent's highest bit, which is free. */
static inline vfloat quantized_from_e4m3(quantized_words number)
{
    quantized_words half = (number << 7) & (int16_t)0xbf80;
    half |= (half + 0x80) & 0x4000;
    return elements_from_float16((element_halves)half) * 0x1p8f;
}

/* Elements index .. index + LANES - 1 of a row, as float. `dtype` is known when this is compiled. */
PANEL_INLINE vfloat quantized_load(const void *row, int64_t index, const varlen_dtype dtype)
{
    const quantized_words words = quantized_widen((const char *)row + index);
    if (dtype == VARLEN_INT8)
        return quantized_from_int8(words);
    return dtype == VARLEN_FLOAT8_E4M3 ? quantized_from_e4m3(words)
                                       : elements_from_float16((element_halves)(words << 8));
}

/* The upper halves of floats that have no more digits. */
static inline element_halves quantized_upper_halves(vfloat value)
{
#if defined(__AVX512F__)
    return (element_halves)_mm512_cvtepi32_epi16(_mm512_srli_epi32((__m512i)value, 16));
#else
    return __builtin_convertvector((vuint)value >> 16, element_halves);
#endif
}

PANEL_INLINE void quantized_to_floats_of(float *floats, const void *row, int32_t dim, const varlen_dtype dtype)
{
    for (int32_t i = 0; i < dim; i += LANES) {
        const vfloat value = quantized_load(row, i, dtype);
        memcpy(floats + i, &value, sizeof value);
    }
}

/* dim is a multiple of 16, and so of LANES. */
static inline void quantized_to_floats(float *floats, const void *row, varlen_dtype dtype, int32_t dim)
{
    switch (dtype) {
    case VARLEN_FLOAT8_E4M3: quantized_to_floats_of(floats, row, dim, VARLEN_FLOAT8_E4M3); break;
    case VARLEN_FLOAT8_E5M2: quantized_to_floats_of(floats, row, dim, VARLEN_FLOAT8_E5M2); break;
    default: quantized_to_floats_of(floats, row, dim, VARLEN_INT8); break;
    }
}

PANEL_INLINE void quantized_to_pairs_of(uint16_t *halves, const uint8_t *row, int32_t dim, const varlen_dtype dtype)
{
    int32_t i = 0;
#if defined(__AVX512BW__)
    const uint16_t *table = dtype == VARLEN_FLOAT8_E4M3 ? quantized_e4m3_table : quantized_e5m2_table;
    for (; dtype != VARLEN_INT8 && i + QUANTIZED_LOOKUP <= dim; i += QUANTIZED_LOOKUP)
        quantized_look_up(halves + i, row + i, table);
#endif
    for (; i < dim; i += LANES) {
        const element_halves upper = quantized_upper_halves(quantized_load(row, i, dtype));
        memcpy(halves + i, &upper, sizeof upper);
    }
}

static inline void quantized_to_pairs(void *pairs, const void *row, varlen_dtype dtype, int32_t dim)
{
    switch (dtype) {
    case VARLEN_FLOAT8_E4M3: quantized_to_pairs_of(pairs, row, dim, VARLEN_FLOAT8_E4M3); break;
    case VARLEN_FLOAT8_E5M2: quantized_to_pairs_of(pairs, row, dim, VARLEN_FLOAT8_E5M2); break;
    default: quantized_to_pairs_of(pairs, row, dim, VARLEN_INT8); break;
    }
}

#endif
