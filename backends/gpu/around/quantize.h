/* Rows of float into quantised keys and values, as docs/semantics.md has it. */
#ifndef VARLEN_GPU_QUANTIZE_H
#define VARLEN_GPU_QUANTIZE_H

#include "call/numbers.h"

#include <varlen/varlen.h>

GPU_DEVICE uint32_t bits_of(float value)
{
    uint32_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
}

GPU_DEVICE float float_of(uint32_t bits)
{
    float value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

constexpr uint32_t infinity_bits = 0x7f800000;
constexpr uint32_t nan_bits = 0x7fc00000;

/* The largest finite number of a quantised dtype; of int8, the largest whose negative is one too. */
GPU_DEVICE float quantized_largest(int32_t dtype)
{
    return dtype == VARLEN_FLOAT8_E4M3 ? 448.0f : dtype == VARLEN_FLOAT8_E5M2 ? 57344.0f : 127.0f;
}

/* The bits of a magnitude, which stand in the order of numbers; of a NaN, infinity's. */
GPU_DEVICE uint32_t magnitude_bits(float value)
{
    return smaller(bits_of(value) & 0x7fffffffu, infinity_bits);
}

/* The scale of a row whose largest magnitude has these bits. */
GPU_DEVICE float quantized_scale(uint32_t largest, int32_t dtype)
{
    if (largest == infinity_bits)
        return float_of(nan_bits);
    return largest == 0 ? 1.0f : fmaxf(float_of(largest) / quantized_largest(dtype), FLT_MIN);
}

/* With `fraction` bits of fraction and a bias of 2^(6 - fraction) - 1, from a number that it has room for, or a NaN.
 * Denormals are rounded by the float unit, at 2^23 times their step. */
GPU_DEVICE uint32_t quantize_float8(float value, uint32_t fraction)
{
    const uint32_t shift = 23 - fraction;
    const uint32_t bias = (1u << (6 - fraction)) - 1;
    const uint32_t rounder = (127 + 23 + 1 - bias - fraction) << 23;
    const uint32_t sign = bits_of(value) >> 24 & 0x80;
    const uint32_t bits = bits_of(value) & 0x7fffffff;
    const uint32_t below_half = (1u << (shift - 1)) - 1;
    if (bits > infinity_bits)
        return sign | 0x7f;
    if (bits < (128 - bias) << 23)
        return sign | (bits_of(float_of(bits) + float_of(rounder)) - rounder);
    return sign | (bits - ((127 - bias) << 23) + below_half + (bits >> shift & 1)) >> shift;
}

/* A NaN becomes 0. */
GPU_DEVICE uint32_t quantize_int8(float value)
{
    const float number = value == value ? value : 0.0f;
    return bits_of(number + 0x1.8p23f) & 0xff;
}

/* One byte. */
GPU_DEVICE uint32_t quantize(float value, float scale, int32_t dtype)
{
    const float largest = quantized_largest(dtype);
    float number = value / scale;
    number = number > largest ? largest : number < -largest ? -largest : number;
    return dtype == VARLEN_FLOAT8_E4M3   ? quantize_float8(number, 3)
           : dtype == VARLEN_FLOAT8_E5M2 ? quantize_float8(number, 2)
                                         : quantize_int8(number);
}

struct alignas(8) quantized_8 {
    uint32_t word[2];
};

GPU_DEVICE quantized_8 quantize_8(const float (&values)[8], float scale, int32_t dtype)
{
    quantized_8 bytes = {};
#pragma unroll
    for (int i = 0; i < 8; i++)
        bytes.word[i / 4] |= quantize(values[i], scale, dtype) << i % 4 * 8;
    return bytes;
}

#endif
