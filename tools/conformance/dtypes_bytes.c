/* Elements of 8 bits, from their definitions; see dtypes.h. */
#include "dtypes.h"

#include <math.h>

/* A number of 8 bits: a sign, an exponent, and so many bits of fraction. */
typedef struct float8 {
    int fraction;
    int bias;
    double largest;
    uint8_t infinity; /* of e5m2; NaN are above it */
} float8;

static float8 format_of(varlen_dtype dtype)
{
    return dtype == VARLEN_FLOAT8_E4M3 ? (float8){.fraction = 3, .bias = 7, .largest = 448, .infinity = 0x7f}
                                       : (float8){.fraction = 2, .bias = 15, .largest = 57344, .infinity = 0x7c};
}

static double step_of(const float8 *format, double magnitude)
{
    int exponent = magnitude > 0 ? ilogb(magnitude) : 1 - format->bias;
    if (exponent < 1 - format->bias)
        exponent = 1 - format->bias;
    return ldexp(1, exponent - format->fraction);
}

double dtype_largest(varlen_dtype dtype)
{
    return dtype == VARLEN_INT8 ? 127 : format_of(dtype).largest;
}

double dtype_step(varlen_dtype dtype, double value)
{
    const float8 format = format_of(dtype);
    return dtype == VARLEN_INT8 ? 1 : step_of(&format, fabs(value));
}

/* Numbers count on through the exponents: number n of a step lies n - 2^fraction behind the exponent's first. */
static uint8_t float8_from(const float8 *format, float value)
{
    const uint8_t sign = signbit(value) ? 0x80 : 0;
    const double magnitude = fmin(fabs((double)value), format->largest);
    if (isnan(value))
        return sign | 0x7f;
    const double step = step_of(format, magnitude);
    const int steps = (int)nearbyint(magnitude / step);
    const int exponent = ilogb(step) + format->fraction + format->bias; /* >= 1 */
    return (uint8_t)(sign | (((exponent - 1) << format->fraction) + steps));
}

static float from_float8(varlen_dtype dtype, const float8 *format, uint8_t bits)
{
    const int magnitude = bits & 0x7f, exponent = magnitude >> format->fraction;
    const double sign = bits & 0x80 ? -1 : 1;
    if (magnitude >= format->infinity)
        return magnitude == format->infinity && dtype == VARLEN_FLOAT8_E5M2 ? (float)(sign * INFINITY) : NAN;
    const int normal = exponent > 0;
    const int steps = magnitude - ((exponent - normal) << format->fraction);
    return (float)(sign * ldexp(steps, (normal ? exponent : 1) - format->bias - format->fraction));
}

uint8_t dtype_byte_from(varlen_dtype dtype, float value)
{
    const float8 format = format_of(dtype);
    if (dtype == VARLEN_INT8)
        return isnan(value) ? 0 : (uint8_t)(int8_t)nearbyintf(fmaxf(-128, fminf(127, value)));
    return float8_from(&format, value);
}

float dtype_from_byte(varlen_dtype dtype, uint8_t bits)
{
    const float8 format = format_of(dtype);
    return dtype == VARLEN_INT8 ? (float)(int8_t)bits : from_float8(dtype, &format, bits);
}
