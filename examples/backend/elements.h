/* Elements of tensors, whatever their dtype, as doubles. */
#ifndef NAIVE_ELEMENTS_H
#define NAIVE_ELEMENTS_H

#include <math.h>
#include <string.h>
#include <varlen/varlen.h>

static inline float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* float16 has 5 bits of exponent and 10 of fraction, a float 8 and 23: shifted there, a number is 2^112 times too
 * small. */
static inline double load_float16(uint16_t bits)
{
    const uint32_t sign = (uint32_t)(bits & 0x8000) << 16, size = (uint32_t)(bits & 0x7fff) << 13;
    return (double)(size < 0x0f800000 ? float_of(sign | size) * 0x1p112f : float_of(sign | size | 0x7f800000));
}

/* rint rounds to nearest, ties to even, which is what floats do. */
static inline uint16_t store_float16(double value)
{
    const uint16_t sign = signbit(value) ? 0x8000 : 0;
    const double size = fabs(value);
    if (isnan(size))
        return 0x7e00;
    if (size >= 65520)
        return sign | 0x7c00;
    const int exponent = size < 0x1p-14 ? -14 : ilogb(size);
    const int digits = (int)rint(ldexp(size, 10 - exponent)); /* to 2048, which carries into the exponent */
    return sign | (uint16_t)(size < 0x1p-14 ? digits : ((exponent + 14) << 10) + digits);
}

static inline double load(varlen_dtype dtype, const void *data, int64_t index)
{
    if (dtype == VARLEN_FLOAT32)
        return ((const float *)data)[index];
    const uint16_t bits = ((const uint16_t *)data)[index];
    if (dtype == VARLEN_FLOAT16)
        return load_float16(bits);
    return (double)float_of((uint32_t)bits << 16);
}

static inline void store(varlen_dtype dtype, void *data, int64_t index, double value)
{
    if (dtype == VARLEN_FLOAT32) {
        ((float *)data)[index] = (float)value;
        return;
    }
    uint16_t bits;
    if (dtype == VARLEN_FLOAT16) {
        bits = store_float16(value);
    } else {
        const float narrow = (float)value;
        uint32_t wide;
        memcpy(&wide, &narrow, sizeof wide);
        bits = (uint16_t)(isnan(narrow) ? 0x7fc0 : (wide + 0x7fff + (wide >> 16 & 1)) >> 16);
    }
    ((uint16_t *)data)[index] = bits;
}

#endif
