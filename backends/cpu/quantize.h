/* Rows of float into quantised keys and values, as docs/semantics.md has it. Counts are multiples of ROW_STEP. */
#ifndef VARLEN_CPU_QUANTIZE_H
#define VARLEN_CPU_QUANTIZE_H

#include "rows.h"

#include <float.h>
#include <math.h>

typedef int8_t row_bytes __attribute__((vector_size(8)));

/* The largest finite number of a quantised dtype; of int8, the largest whose negative is one too. */
static inline float quantize_largest(varlen_dtype dtype)
{
    return dtype == VARLEN_FLOAT8_E4M3 ? 448.0f : dtype == VARLEN_FLOAT8_E5M2 ? 57344.0f : 127.0f;
}

/* The largest of `magnitude` and those of a row, or of a piece of one; infinite if some number is not finite. */
static inline float quantize_magnitude(float magnitude, const float *row, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        magnitude = isfinite(row[i]) ? fmaxf(magnitude, fabsf(row[i])) : INFINITY;
    return magnitude;
}

/* The scale of a row of that magnitude. */
static inline float quantize_scale(float magnitude, varlen_dtype dtype)
{
    if (!isfinite(magnitude))
        return NAN;
    return magnitude > 0.0f ? fmaxf(magnitude / quantize_largest(dtype), FLT_MIN) : 1.0f;
}

/* A float8 with `fraction` bits of fraction and a bias of 2^(6 - fraction) - 1, from numbers that it has room for, or
 * NaN. As row_to_float16: denormals are rounded by the float unit, at 2^23 times their step. */
static inline row_bits quantize_float8(row_floats value, const int fraction)
{
    const int shift = 23 - fraction;
    const uint32_t bias = (1u << (6 - fraction)) - 1;
    const uint32_t rounder = (127 + 23 + 1 - bias - (uint32_t)fraction) << 23;
    const row_bits sign = ((row_bits)value >> 24) & 0x80;
    const row_bits bits = (row_bits)value & 0x7fffffff;
    const row_bits half = (row_bits){0} + ((1u << (shift - 1)) - 1);
    const row_bits normal = (bits - ((127 - bias) << 23) + half + ((bits >> shift) & 1)) >> shift;
    const row_bits denormal = (row_bits)((row_floats)bits + (row_floats)((row_bits){0} + rounder)) - rounder;
    const row_bits finite = row_select((row_bits)(bits < ((128 - bias) << 23)), denormal, normal);
    return row_select((row_bits)(bits > 0x7f800000u), (row_bits){0} + 0x7f, finite) | sign;
}

/* The numbers as int8; NaN becomes 0. */
static inline row_bits quantize_int8(row_floats value)
{
    const row_bits number = (row_bits)((row_bits)value << 1 <= 0xff000000u);
    return (row_bits)((row_floats)((row_bits)value & number) + 0x1.8p23f);
}

/* destination = row / scale, rounded. */
static inline void quantize_row(void *destination, const float *row, float scale, varlen_dtype dtype, int64_t count)
{
    const float largest = quantize_largest(dtype);
    for (int64_t i = 0; i < count; i += ROW_STEP) {
        row_floats value;
        memcpy(&value, row + i, sizeof value);
        value /= scale;
        const row_floats bound = (row_floats){0} + largest;
        value = (row_floats)row_select((row_bits)(value > bound), (row_bits)bound, (row_bits)value);
        value = (row_floats)row_select((row_bits)(value < -bound), (row_bits)-bound, (row_bits)value);
        const row_bits bits = dtype == VARLEN_FLOAT8_E4M3   ? quantize_float8(value, 3)
                              : dtype == VARLEN_FLOAT8_E5M2 ? quantize_float8(value, 2)
                                                            : quantize_int8(value);
        const row_bytes bytes = __builtin_convertvector((row_bits)bits, row_bytes);
        memcpy((char *)destination + i, &bytes, sizeof bytes);
    }
}

#endif
