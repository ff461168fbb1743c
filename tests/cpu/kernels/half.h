/* float16 and bfloat16 by their definition, one number at a time. */
#ifndef VARLEN_TESTS_CPU_KERNELS_HALF_H
#define VARLEN_TESTS_CPU_KERNELS_HALF_H

#include <stdint.h>

/* The format of a number of 16 bits: a sign, an exponent, and so many bits of fraction. */
typedef enum half_format { HALF_FLOAT16 = 10, HALF_BFLOAT16 = 7 } half_format;

/* NaN and infinities included. */
double half_value(uint16_t bits, half_format format);

/* The nearest number, the even one of two that are as near; from 2^-1 of the last place above the largest on, infinity.
 * NaN becomes some quiet NaN. */
uint16_t half_nearest(double value, half_format format);

#endif
