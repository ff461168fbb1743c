/* Small functions of numbers. */
#ifndef VARLEN_GPU_NUMBERS_H
#define VARLEN_GPU_NUMBERS_H

#include "platform/device.h"

#include <cfloat>

constexpr float minus_infinity = -__builtin_huge_valf();

template <typename T> GPU_DEVICE T smaller(T a, T b)
{
    return a < b ? a : b;
}

template <typename T> GPU_DEVICE T larger(T a, T b)
{
    return a > b ? a : b;
}

GPU_DEVICE float magnitude(float x)
{
    return fmaxf(x, -x);
}

/* Infinities become the largest numbers. */
GPU_DEVICE float make_finite(float x)
{
    return fmaxf(-FLT_MAX, fminf(x, FLT_MAX));
}

template <typename T> GPU_DEVICE T divide_up(T a, T b)
{
    return (a + b - 1) / b;
}

/* Of any numbers: too large results wrap around. */
GPU_DEVICE int32_t wrapped_sum(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

GPU_DEVICE int32_t wrapped_difference(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a - (uint32_t)b);
}

/* Division by a number that is known on the host, of dividends below 2^31 (Granlund and Montgomery, Division by
 * Invariant Integers using Multiplication, 1994): with shift = ceil(log2 d) and multiplier = ceil(2^(31 + shift) / d),
 * n / d = multiplier * n >> (31 + shift). */
struct fast_divisor {
    uint32_t divisor;
    uint32_t multiplier;
    uint32_t shift; /* beyond the 32 of multiply_high; not used if divisor is 1 */
};

inline fast_divisor make_fast_divisor(uint32_t divisor)
{
    uint32_t log2_up = 0;
    while (log2_up < 31 && (1u << log2_up) < divisor)
        log2_up++;
    uint64_t power = (uint64_t)1 << (31 + log2_up);
    uint32_t multiplier = (uint32_t)((power + divisor - 1) / divisor);
    return {divisor, multiplier, log2_up ? log2_up - 1 : 0};
}

GPU_DEVICE int32_t divide(int32_t dividend, const fast_divisor &by)
{
    if (by.divisor == 1)
        return dividend;
    return (int32_t)(multiply_high((uint32_t)dividend, by.multiplier) >> by.shift);
}

struct quotient_and_rest {
    int32_t quotient;
    int32_t rest;
};

GPU_DEVICE quotient_and_rest divide_with_rest(int32_t dividend, const fast_divisor &by)
{
    int32_t quotient = divide(dividend, by);
    return {quotient, dividend - quotient * (int32_t)by.divisor};
}

#endif
