/* Matrices of elements at random, and what an element of a product should be. */
#ifndef VARLEN_TESTS_CPU_KERNELS_OPERANDS_H
#define VARLEN_TESTS_CPU_KERNELS_OPERANDS_H

#include "check.h"
#include "half.h"
#include "kernels/panel.h"

/* The kinds of element that the kernel set multiplies. */
static const panel_elements operand_kinds[] = {
#if !defined(CPU_AMX)
    PANEL_FLOATS,
#endif
#if defined(__AVX512BF16__)
    PANEL_PAIRS,
#endif
};
enum { OPERAND_KINDS = sizeof operand_kinds / sizeof *operand_kinds };

static inline float operand_of_bits(uint32_t bits)
{
    float element;
    memcpy(&element, &bits, sizeof element);
    return element;
}

static inline uint32_t operand_bits(float element)
{
    uint32_t bits;
    memcpy(&bits, &element, sizeof bits);
    return bits;
}

static inline uint16_t operand_random_bfloat16(void)
{
    return (uint16_t)(operand_bits(check_random()) >> 16);
}

static inline float operand_random(panel_elements kind)
{
    if (kind == PANEL_FLOATS)
        return check_random();
    const uint32_t low = operand_random_bfloat16();
    return operand_of_bits(low | (uint32_t)operand_random_bfloat16() << 16);
}

/* One of the two numbers of a pair, 0 the lower. */
static inline double operand_half(float pair, int which)
{
    return half_value((uint16_t)(operand_bits(pair) >> (16 * which)), HALF_BFLOAT16);
}

/* A sum of products, and of their magnitudes. */
typedef struct operand_sum {
    double value;
    double magnitude;
    int terms;
} operand_sum;

static inline void operand_add(operand_sum *sum, double product)
{
    sum->value += product;
    sum->magnitude += product < 0 ? -product : product;
    sum->terms++;
}

static inline void operand_multiply_add(operand_sum *sum, float a, float b, panel_elements kind)
{
    if (kind == PANEL_FLOATS) {
        operand_add(sum, (double)a * b);
        return;
    }
    for (int which = 0; which < 2; which++)
        operand_add(sum, operand_half(a, which) * operand_half(b, which));
}

/* How far a sum in float32 may be off, in any order. */
static inline double operand_bound(operand_sum sum)
{
    return (sum.terms + 2) * 0x1p-24 * sum.magnitude;
}

#endif
