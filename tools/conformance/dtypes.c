/* Elements of tensors on the host; see dtypes.h. */
#include "dtypes.h"

#include <string.h>

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

uint16_t dtype_float16_from(float value)
{
    const uint32_t infinity = 0x7f800000, overflow = 0x477ff000, smallest_normal = 0x38800000, half = 0x3f000000;
    uint32_t sign = bits_of(value) >> 16 & 0x8000;
    uint32_t magnitude = bits_of(value) & 0x7fffffff;
    if (magnitude > infinity)
        return (uint16_t)(sign | 0x7e00);
    if (magnitude >= overflow)
        return (uint16_t)(sign | 0x7c00);
    /* The last bit of a float32 in [0.5, 1) is 2^-24, float16's denormal step: the addition does the rounding. */
    if (magnitude < smallest_normal)
        return (uint16_t)(sign | (bits_of(float_of(magnitude) + 0.5f) - half));
    uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    return (uint16_t)(sign | ((rounded >> 13) - ((127 - 15) << 10)));
}

float dtype_from_float16(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16;
    uint32_t exponent = bits >> 10 & 0x1f;
    uint32_t fraction = bits & 0x3ff;
    if (exponent == 0x1f)
        return float_of(sign | 0x7f800000 | fraction << 13);
    if (exponent == 0)
        return float_of(sign | bits_of((float)fraction * 0x1p-24f));
    return float_of(sign | (exponent + 127 - 15) << 23 | fraction << 13);
}

uint16_t dtype_bfloat16_from(float value)
{
    uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40); /* the fraction's upper bits may all be zero: keep it a NaN */
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float dtype_from_bfloat16(uint16_t bits)
{
    return float_of((uint32_t)bits << 16);
}

float dtype_round(varlen_dtype dtype, float value)
{
    switch (dtype) {
    case VARLEN_FLOAT16: return dtype_from_float16(dtype_float16_from(value));
    case VARLEN_BFLOAT16: return dtype_from_bfloat16(dtype_bfloat16_from(value));
    case VARLEN_FLOAT8_E4M3:
    case VARLEN_FLOAT8_E5M2:
    case VARLEN_INT8: return dtype_from_byte(dtype, dtype_byte_from(dtype, value));
    default: return value;
    }
}

float dtype_load(varlen_dtype dtype, const void *element)
{
    float value;
    uint16_t bits;
    if (dtype == VARLEN_FLOAT32) {
        memcpy(&value, element, sizeof value);
        return value;
    }
    if (varlen_dtype_size(dtype) == 1)
        return dtype_from_byte(dtype, *(const uint8_t *)element);
    memcpy(&bits, element, sizeof bits);
    return dtype == VARLEN_FLOAT16 ? dtype_from_float16(bits) : dtype_from_bfloat16(bits);
}

void dtype_store(varlen_dtype dtype, void *element, float value)
{
    if (dtype == VARLEN_FLOAT32) {
        memcpy(element, &value, sizeof value);
        return;
    }
    if (varlen_dtype_size(dtype) == 1) {
        *(uint8_t *)element = dtype_byte_from(dtype, value);
        return;
    }
    uint16_t bits = dtype == VARLEN_FLOAT16 ? dtype_float16_from(value) : dtype_bfloat16_from(value);
    memcpy(element, &bits, sizeof bits);
}

const char *dtype_name(varlen_dtype dtype)
{
    static const char *const names[] = {
        [VARLEN_FLOAT32] = "f32",      [VARLEN_FLOAT16] = "f16",      [VARLEN_BFLOAT16] = "bf16",
        [VARLEN_FLOAT8_E4M3] = "e4m3", [VARLEN_FLOAT8_E5M2] = "e5m2", [VARLEN_INT8] = "int8"};
    return names[dtype];
}
