/* Numbers of one byte, of quantised keys and values, as elements of 16 bits, which hold every one of them. Their scales
 * come later: see scales.h.
 *
 * A float8 is a byte s.e.f. With its sign where the element's is, and exponent and fraction moved down to where their
 * last places meet, it is the number times a power of two, denormals too. What has no number, all ones in e4m3, or in
 * e5m2's exponent, carries into the place above when its last place is added, and then gets an exponent of ones:
 *
 *     e4m3         s.eeee.fff         of bfloat16, moved    s.....eeee.fff....
 *     e5m2         s.eeeee.ff                               s...eeeee.ff.....
 *
 * An int8 is its lower seven bits less its upper one, each as the last places of a number that is large enough. */
#ifndef VARLEN_GPU_QUANTIZED_H
#define VARLEN_GPU_QUANTIZED_H

#include "platform/device.h"

#include <varlen/varlen.h>

/* How bytes of one dtype become elements of one type. Masks and constants are those of a pair. */
struct widening {
    uint32_t is_integer;
    uint32_t moved;     /* a power of two: how far a float8 is moved up */
    uint32_t kept;      /* what a shift leaves of a float8; the constant of an integer's lower bits */
    uint32_t last;      /* the last place of what has no number */
    uint32_t carry;     /* where it carries to; 0: it is one of the element already */
    uint32_t filled;    /* times the carry: the rest of the exponent */
    uint32_t power;     /* of two, that makes it the number; the constant of an integer's upper bit */
    uint32_t last_byte; /* the last place of what has no number, in each byte */
};

template <typename T> constexpr int fraction_bits = 10;
template <> inline constexpr int fraction_bits<bfloat16> = 7;

GPU_DEVICE uint32_t pair_of(uint32_t element)
{
    return element << 16 | element;
}

template <typename T> GPU_DEVICE widening widening_of(int32_t dtype)
{
    constexpr uint32_t bits = fraction_bits<T>;
    constexpr uint32_t bias = (1u << (14 - bits)) - 1;
    widening how = {};
    if (dtype == VARLEN_INT8) {
        const uint32_t large = (bias + bits) << bits; /* as many as its last place is 1 */
        how.is_integer = 1;
        how.kept = pair_of(large);
        how.power = pair_of(large | 0x8000);
        return how;
    }
    const uint32_t fraction = dtype == VARLEN_FLOAT8_E4M3 ? 3 : 2;
    const uint32_t its_bias = (1u << (6 - fraction)) - 1;
    const uint32_t last = dtype == VARLEN_FLOAT8_E4M3 ? 1 : 1u << fraction;
    const uint32_t shift = bits - fraction;
    how.moved = 1u << shift;
    how.kept = pair_of(0x8000 | 0x7fu << shift);
    how.last = pair_of(last << shift);
    how.carry = pair_of(0x7fffu & 0x80u << shift);
    how.filled = (0x8000 - (0x80u << shift)) / (0x80u << shift);
    how.power = pair_of((bias - its_bias + bias) << bits);
    how.last_byte = last * 0x01010101;
    return how;
}

/* Two bytes, as signed_bytes has them. Without SPECIAL, what has no number becomes one. */
template <typename T, bool SPECIAL> GPU_DEVICE uint32_t widen_float8(uint32_t bytes, const widening &how)
{
    uint32_t moved = (bytes * how.moved) & how.kept;
    if (SPECIAL)
        moved += ((moved + how.last) & how.carry) * how.filled;
    return multiply_pairs<T>(moved, how.power);
}

template <typename T> GPU_DEVICE uint32_t widen_int8(uint32_t bytes, const widening &how)
{
    return add_pairs<T>((bytes & 0x007f007f) | how.kept, (bytes & 0x00800080) | how.power);
}

/* Not 0 if some of eight bytes of a float8 has no number. */
GPU_DEVICE uint32_t special_bytes(uint32_t low, uint32_t high, const widening &how)
{
    return (((low + how.last_byte) ^ low) | ((high + how.last_byte) ^ high)) & 0x80808080;
}

/* Eight bytes. */
template <typename T, bool SPECIAL> GPU_DEVICE words_16 widen_float8s(uint32_t low, uint32_t high, const widening &how)
{
    return {{widen_float8<T, SPECIAL>(signed_bytes(low, false), how),
             widen_float8<T, SPECIAL>(signed_bytes(low, true), how),
             widen_float8<T, SPECIAL>(signed_bytes(high, false), how),
             widen_float8<T, SPECIAL>(signed_bytes(high, true), how)}};
}

template <typename T> GPU_DEVICE words_16 widen_int8s(uint32_t low, uint32_t high, const widening &how)
{
    return {{widen_int8<T>(signed_bytes(low, false), how), widen_int8<T>(signed_bytes(low, true), how),
             widen_int8<T>(signed_bytes(high, false), how), widen_int8<T>(signed_bytes(high, true), how)}};
}

template <typename T> GPU_DEVICE words_16 widen(uint32_t low, uint32_t high, const widening &how)
{
    if (how.is_integer)
        return widen_int8s<T>(low, high, how);
    return special_bytes(low, high, how) ? widen_float8s<T, true>(low, high, how)
                                         : widen_float8s<T, false>(low, high, how);
}

#endif
