/* Number formats and their conversion: see elements.h. */
#include "npy/elements.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the varlen command reads little-endian files by copying them"
#endif

typedef struct element_traits {
    const char *name;
    size_t size;
    bool is_float;
    int fraction_bits; /* of a 16-bit float: what is left of 15 bits is the exponent */
} element_traits;

static const element_traits traits[ELEMENT_TYPE_COUNT] = {
    [ELEMENT_FLOAT32] = {.name = "f32", .size = 4, .is_float = true},
    [ELEMENT_FLOAT64] = {.name = "f64", .size = 8, .is_float = true},
    [ELEMENT_FLOAT16] = {.name = "f16", .size = 2, .is_float = true, .fraction_bits = 10},
    [ELEMENT_BFLOAT16] = {.name = "bf16", .size = 2, .is_float = true, .fraction_bits = 7},
    [ELEMENT_INT32] = {.name = "i32", .size = 4},
    [ELEMENT_INT64] = {.name = "i64", .size = 8},
    [ELEMENT_INT8] = {.name = "i8", .size = 1},
    [ELEMENT_UINT8] = {.name = "u8", .size = 1},
};

size_t element_size(element_type type)
{
    return traits[type].size;
}

const char *element_name(element_type type)
{
    return traits[type].name;
}

bool element_is_float(element_type type)
{
    return traits[type].is_float;
}

bool element_is_byte(element_type type)
{
    return traits[type].size == 1;
}

element_type element_of_dtype(varlen_dtype dtype)
{
    switch (dtype) {
    case VARLEN_FLOAT16: return ELEMENT_FLOAT16;
    case VARLEN_BFLOAT16: return ELEMENT_BFLOAT16;
    default: return ELEMENT_FLOAT32;
    }
}

static double decode_16_bits(uint16_t bits, int fraction_bits)
{
    const int bias = (1 << (14 - fraction_bits)) - 1;
    const int exponent = (bits & 0x7fff) >> fraction_bits;
    const int fraction = bits & ((1 << fraction_bits) - 1);
    const double sign = bits & 0x8000 ? -1.0 : 1.0;
    if (exponent == 2 * bias + 1)
        return fraction ? (double)NAN : sign * (double)INFINITY;
    if (exponent == 0)
        return sign * ldexp(fraction, 1 - bias - fraction_bits);
    return sign * ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
}

static uint16_t encode_16_bits(double value, int fraction_bits)
{
    const int bias = (1 << (14 - fraction_bits)) - 1;
    const uint32_t infinity = (uint32_t)(2 * bias + 1) << fraction_bits;
    const uint16_t sign = signbit(value) ? 0x8000 : 0;
    if (isnan(value))
        return (uint16_t)(sign | infinity | 1u << (fraction_bits - 1));
    if (isinf(value))
        return (uint16_t)(sign | infinity);
    if (value == 0)
        return sign;
    int exponent;
    frexp(value, &exponent);
    const int biased = exponent - 1 + bias < 1 ? 1 : exponent - 1 + bias; /* 1 also holds the subnormal numbers */
    if (biased > 2 * bias)
        return (uint16_t)(sign | infinity);
    /* A significand that rounds up to the next power of two carries into the exponent, as it should. */
    const uint32_t significand = (uint32_t)nearbyint(ldexp(fabs(value), fraction_bits + bias - biased));
    return (uint16_t)(sign | (((uint32_t)(biased - 1) << fraction_bits) + significand));
}

double element_get(const void *data, element_type type, int64_t index)
{
    switch (type) {
    case ELEMENT_FLOAT64: return ((const double *)data)[index];
    case ELEMENT_FLOAT32: return (double)((const float *)data)[index];
    default: return decode_16_bits(((const uint16_t *)data)[index], traits[type].fraction_bits);
    }
}

static void element_set(void *data, element_type type, int64_t index, double value)
{
    switch (type) {
    case ELEMENT_FLOAT64: ((double *)data)[index] = value; break;
    case ELEMENT_FLOAT32: ((float *)data)[index] = (float)value; break;
    default: ((uint16_t *)data)[index] = encode_16_bits(value, traits[type].fraction_bits); break;
    }
}

void elements_convert_floats(void *target, element_type target_type, const void *source, element_type source_type,
                             int64_t count)
{
    if (count == 0)
        return;
    if (target_type == source_type) {
        memcpy(target, source, (size_t)count * traits[source_type].size);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        element_set(target, target_type, i, element_get(source, source_type, i));
}

bool elements_convert_to_int32(int32_t *target, const void *source, element_type source_type, int64_t count,
                               reason *why)
{
    for (int64_t i = 0; i < count; i++) {
        const int64_t value =
            source_type == ELEMENT_INT64 ? ((const int64_t *)source)[i] : (int64_t)((const int32_t *)source)[i];
        if (value < INT32_MIN || value > INT32_MAX)
            return refuse(why, "element %" PRId64 " = %" PRId64 " does not fit in 32 bits", i, value);
        target[i] = (int32_t)value;
    }
    return true;
}
