/* float16 and bfloat16 as bits, and what they mean. */
#ifndef SIMT_ELEMENTS_H
#define SIMT_ELEMENTS_H

#include <stdint.h>
#include <string.h>

struct simt_float16 {
    uint16_t bits;
};

struct simt_bfloat16 {
    uint16_t bits;
};

inline float simt_float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

inline uint32_t simt_bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Multiplying by a power of two moves the exponent, and makes a float's normal numbers of subnormal ones. */
inline float simt_value(simt_float16 element)
{
    const uint32_t sign = (uint32_t)(element.bits & 0x8000) << 16;
    const uint32_t rest = (uint32_t)(element.bits & 0x7fff) << 13;
    if ((element.bits & 0x7c00) == 0x7c00)
        return simt_float_of_bits(sign | 0x7f800000 | rest);
    return simt_float_of_bits(sign | simt_bits_of_float(simt_float_of_bits(rest) * 0x1p112f));
}

inline float simt_value(simt_bfloat16 element)
{
    return simt_float_of_bits((uint32_t)element.bits << 16);
}

/* To the nearest, halves to even. */
template <typename T> T simt_round(float value);

template <> inline simt_bfloat16 simt_round<simt_bfloat16>(float value)
{
    const uint32_t bits = simt_bits_of_float(value);
    if (value != value)
        return {(uint16_t)(bits >> 16 | 0x40)};
    return {(uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

template <> inline simt_float16 simt_round<simt_float16>(float value)
{
    const uint16_t sign = (uint16_t)(simt_bits_of_float(value) >> 16 & 0x8000);
    const uint32_t size = simt_bits_of_float(value) & 0x7fffffff;
    if (size > 0x7f800000)
        return {(uint16_t)(sign | 0x7e00)};
    if (size >= 0x477ff000) /* 65520, from where on the nearest is infinity */
        return {(uint16_t)(sign | 0x7c00)};
    if (size < 0x38800000) { /* subnormal: adding 0.5 leaves multiples of 2^-24 in the float's lowest bits */
        const uint32_t sum = simt_bits_of_float(simt_float_of_bits(size) + 0.5f);
        return {(uint16_t)(sign | (sum - simt_bits_of_float(0.5f)))};
    }
    return {(uint16_t)(sign | (((size + 0xfff + (size >> 13 & 1)) >> 13) - (112u << 10)))};
}

#endif
