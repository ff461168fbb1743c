/* Vectors of LANES floats for the instruction set that this translation unit is compiled for. */
#ifndef VARLEN_CPU_VECTOR_H
#define VARLEN_CPU_VECTOR_H

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

enum { LANES = VECTOR_BYTES / 4 };

typedef float vfloat __attribute__((vector_size(VECTOR_BYTES)));
typedef int32_t vint __attribute__((vector_size(VECTOR_BYTES)));
typedef uint32_t vuint __attribute__((vector_size(VECTOR_BYTES)));

#define VECTOR_INLINE static inline __attribute__((always_inline))

static inline vfloat vector_splat(float value)
{
    return value - (vfloat){0};
}

static inline vint vector_splat_int(int32_t value)
{
    return (vint){0} + value;
}

static inline vuint vector_splat_uint(uint32_t value)
{
    return (vuint){0} + value;
}

/* Addresses are multiples of VECTOR_BYTES. */
static inline vfloat vector_load(const float *address)
{
    return *(const vfloat *)address;
}

static inline void vector_store(float *address, vfloat value)
{
    *(vfloat *)address = value;
}

static inline vint vector_load_int(const int32_t *address)
{
    return *(const vint *)address;
}

/* if_true where mask is -1, if_false where it is 0. */
static inline vfloat vector_select(vint mask, vfloat if_true, vfloat if_false)
{
    return (vfloat)((mask & (vint)if_true) | (~mask & (vint)if_false));
}

/* The larger one; b where either is NaN. */
static inline vfloat vector_max(vfloat a, vfloat b)
{
#if defined(__AVX512F__)
    return (vfloat)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (vfloat)_mm256_max_ps((__m256)a, (__m256)b);
#elif defined(__SSE2__)
    return (vfloat)_mm_max_ps((__m128)a, (__m128)b);
#else
    return vector_select(a > b, a, b);
#endif
}

static inline vfloat vector_min(vfloat a, vfloat b)
{
#if defined(__AVX512F__)
    return (vfloat)_mm512_min_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (vfloat)_mm256_min_ps((__m256)a, (__m256)b);
#elif defined(__SSE2__)
    return (vfloat)_mm_min_ps((__m128)a, (__m128)b);
#else
    return vector_select(a < b, a, b);
#endif
}

static inline vfloat vector_abs(vfloat x)
{
    return (vfloat)((vint)x & 0x7fffffff);
}

/* Whether some lane of a mask is -1. */
static inline int vector_any(vint mask)
{
#if defined(__AVX512F__)
    return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0;
#elif defined(__AVX2__)
    return _mm256_movemask_ps((__m256)mask) != 0;
#elif defined(__SSE2__)
    return _mm_movemask_ps((__m128)mask) != 0;
#elif defined(__ARM_NEON)
    return vmaxvq_u32((uint32x4_t)mask) != 0;
#else
    int any = 0;
    for (int lane = 0; lane < LANES; lane++)
        any |= mask[lane];
    return any != 0;
#endif
}

/* 2^f times `one`, a power of two, for -1/2 <= f <= 1/2: a polynomial of degree 6 through Chebyshev nodes, with the
 * constant term fixed to 1 so that 2^0 is exact. */
VECTOR_INLINE vfloat vector_exp2_fraction(vfloat f, const float one)
{
    vfloat p = f * (one * 0.000154531629f) + one * 0.00133908634f;
    p = p * f + one * 0.00961808256f;
    p = p * f + one * 0.0555035711f;
    p = p * f + one * 0.240226508f;
    p = p * f + one * 0.693147188f;
    return p * f + one;
}

/* 2^x * 2^exponent for x <= 0, at most 0.9 ulp off, or 1.2 where products and sums are not fused; larger x count as 0,
 * results below 2^-126 may be 0, NaN stays NaN. x = n + f with n the nearest integer. The exponent, a constant from -60
 * to 0, costs nothing. */
VECTOR_INLINE vfloat vector_exp2_times(vfloat x, const int exponent)
{
    x = vector_min(vector_splat(0.0f), x);
#if defined(__AVX512DQ__)
    const float one = 1.0f / (float)(1LL << -exponent);
    vfloat f = (vfloat)_mm512_reduce_ps((__m512)x, 0); /* 0 for -infinity */
    return (vfloat)_mm512_scalef_ps((__m512)vector_exp2_fraction(f, one), (__m512)(x - f));
#else
    /* Adding 1.5 * 2^23 + 127 leaves n + 127, the exponent field of 2^n, in the low bits of the sum. */
    const float to_exponent_field = 12582912.0f + 127.0f + (float)exponent;
    vfloat shifted = x + to_exponent_field;
    vfloat f = x - (shifted - to_exponent_field);
    vfloat result = vector_exp2_fraction(f, 1.0f) * (vfloat)((vuint)shifted << 23);
    return (vfloat)((vint)result & ~(x < -126.0f - (float)exponent));
#endif
}

VECTOR_INLINE vfloat vector_exp2_nonpositive(vfloat x)
{
    return vector_exp2_times(x, 0);
}

/* tanh, at most 2 ulp off, or 2.1 where products and sums are not fused. Small |x|: x + x^3 * P(x^2), with P through
 * Chebyshev nodes. Else 1 - 2 / (1 + e^2|x|), written with e^-2|x| so that it cannot overflow. */
static inline vfloat vector_tanh(vfloat x)
{
    const float minus_two_log2e = -2.88539008f;
    vfloat a = vector_abs(x);
    vfloat t = x * x;
    vfloat p = t * -0.00609665466f + 0.0209971265f;
    p = p * t + -0.0538508941f;
    p = p * t + 0.133327696f;
    p = p * t + -0.333333289f;
    vfloat small = x * t * p + x;
    vfloat e = vector_exp2_nonpositive(a * minus_two_log2e);
    vfloat large = (1.0f - e) / (1.0f + e);
    large = (vfloat)((vint)large | ((vint)x & vector_splat_int(INT32_MIN)));
    return vector_select(a < 0.625f, small, large);
}

#endif
