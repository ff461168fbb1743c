#include "half.h"

#include <math.h>

static int bias_of(half_format format)
{
    return (1 << (14 - format)) - 1;
}

double half_value(uint16_t bits, half_format format)
{
    const int exponent = (bits & 0x7fff) >> format;
    const int fraction = bits & ((1 << format) - 1);
    const int largest = (1 << (15 - format)) - 1;
    const double sign = bits & 0x8000 ? -1.0 : 1.0;
    if (exponent == largest)
        return fraction ? (double)NAN : sign * (double)INFINITY;
    if (exponent == 0)
        return sign * ldexp(fraction, 1 - bias_of(format) - format);
    return sign * ldexp((1 << format) + fraction, exponent - bias_of(format) - format);
}

/* Numbers of one sign are in order of their bits: the place is found by halving. */
uint16_t half_nearest(double value, half_format format)
{
    const uint16_t sign = signbit(value) ? 0x8000 : 0;
    const uint16_t infinity = (uint16_t)(((1 << (15 - format)) - 1) << format);
    const double magnitude = fabs(value);
    if (isnan(value))
        return (uint16_t)(sign | infinity | 1 << (format - 1));
    uint16_t below = 0;
    for (uint16_t above = infinity; above - below > 1;) {
        const uint16_t middle = (uint16_t)((below + above) / 2);
        if (half_value(middle, format) <= magnitude)
            below = middle;
        else
            above = middle;
    }
    const uint16_t above = (uint16_t)(below + 1);
    const double step = half_value(below, format) - half_value((uint16_t)(below - 1), format);
    const double next = above == infinity ? half_value(below, format) + step : half_value(above, format);
    const double past = magnitude - half_value(below, format);
    const double short_of = next - magnitude;
    const int up = past > short_of || (past == short_of && below % 2);
    return (uint16_t)(sign | (up ? above : below));
}
