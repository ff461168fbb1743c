/* Rows of float32, float16 or bfloat16 elements to and from float. Counts are multiples of 8. */
#ifndef VARLEN_CPU_ROWS_H
#define VARLEN_CPU_ROWS_H

#include <varlen/varlen.h>

#include <stdint.h>
#include <string.h>

enum { ROW_STEP = 8 };

typedef float row_floats __attribute__((vector_size(32)));
typedef uint32_t row_bits __attribute__((vector_size(32)));
typedef uint16_t row_halves __attribute__((vector_size(16)));

static inline row_bits row_select(row_bits mask, row_bits if_true, row_bits if_false)
{
    return (mask & if_true) | (~mask & if_false);
}

/* The exponent is rebased by a multiplication, which also normalises denormals; 0x1f exponents become 0xff. */
static inline row_floats row_from_float16(row_halves half)
{
    row_bits bits = __builtin_convertvector(half, row_bits);
    row_bits magnitude = (bits & 0x7fff) << 13;
    row_floats rebased = (row_floats)magnitude * 0x1p112f;
    row_bits infinite = (row_bits)(magnitude >= (0x7c00u << 13));
    return (row_floats)((row_bits)rebased | (infinite & 0x7f800000u) | ((bits & 0x8000) << 16));
}

/* Round to nearest even. Normal results: rounding in integers, carrying into the exponent. Denormal results: adding 0.5
 * lets the float unit round at 2^-24, the unit of float16 denormals. */
static inline row_halves row_to_float16(row_floats value)
{
    row_bits bits = (row_bits)value;
    row_bits sign = (bits >> 16) & 0x8000;
    bits &= 0x7fffffff;
    row_bits normal = (bits - (112u << 23) + 0xfff + ((bits >> 13) & 1)) >> 13;
    row_bits denormal = (row_bits)((row_floats)bits + 0.5f) - 0x3f000000u;
    row_bits special = row_select((row_bits)(bits > 0x7f800000u), (row_bits){0} + 0x7e00, (row_bits){0} + 0x7c00);
    row_bits finite = row_select((row_bits)(bits < (113u << 23)), denormal, normal);
    row_bits half = row_select((row_bits)(bits >= (143u << 23)), special, finite);
    return __builtin_convertvector(half | sign, row_halves);
}

static inline row_floats row_from_bfloat16(row_halves half)
{
    return (row_floats)(__builtin_convertvector(half, row_bits) << 16);
}

static inline row_halves row_to_bfloat16(row_floats value)
{
    row_bits bits = (row_bits)value;
    row_bits rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    row_bits quiet_nan = (bits >> 16) | 0x40;
    row_bits nan = (row_bits)((bits & 0x7fffffff) > 0x7f800000u);
    return __builtin_convertvector(row_select(nan, quiet_nan, rounded), row_halves);
}

static inline row_halves row_load_halves(const uint16_t *source)
{
    row_halves halves;
    memcpy(&halves, source, sizeof halves);
    return halves;
}

/* A copy of a multiple of 16 bytes: rows are too short for a call of memcpy. */
static inline void row_copy(void *destination, const void *source, int64_t bytes)
{
    enum { WIDE = 64, NARROW = 16 };
    char *to = destination;
    const char *from = source;
    int64_t i = 0;
    for (; i + WIDE <= bytes; i += WIDE)
        memcpy(to + i, from + i, WIDE);
    for (; i < bytes; i += NARROW)
        memcpy(to + i, from + i, NARROW);
}

static inline void row_load(float *destination, const void *source, varlen_dtype dtype, int64_t count)
{
    const uint16_t *halves = source;
    if (dtype == VARLEN_FLOAT32) {
        row_copy(destination, source, count * (int64_t)sizeof *destination);
        return;
    }
    for (int64_t i = 0; i < count; i += ROW_STEP) {
        row_halves half = row_load_halves(halves + i);
        row_floats value = dtype == VARLEN_FLOAT16 ? row_from_float16(half) : row_from_bfloat16(half);
        memcpy(destination + i, &value, sizeof value);
    }
}

/* sum += weight * row. */
static inline void row_add(float *sum, float weight, const float *row, int64_t count)
{
    for (int64_t i = 0; i < count; i += ROW_STEP) {
        row_floats total, term;
        memcpy(&total, sum + i, sizeof total);
        memcpy(&term, row + i, sizeof term);
        total += weight * term;
        memcpy(sum + i, &total, sizeof total);
    }
}

static inline void row_store(void *destination, const float *source, varlen_dtype dtype, int64_t count)
{
    uint16_t *halves = destination;
    if (dtype == VARLEN_FLOAT32) {
        row_copy(destination, source, count * (int64_t)sizeof *source);
        return;
    }
    for (int64_t i = 0; i < count; i += ROW_STEP) {
        row_floats value;
        memcpy(&value, source + i, sizeof value);
        row_halves half = dtype == VARLEN_FLOAT16 ? row_to_float16(value) : row_to_bfloat16(value);
        memcpy(halves + i, &half, sizeof half);
    }
}

#endif
