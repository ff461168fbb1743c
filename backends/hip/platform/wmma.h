/* The matrix unit of RDNA3: v_wmma_f32_16x16x16, D = A B + D with 32 lanes. AMD's "RDNA3 Instruction Set Architecture",
 * "Wave Matrix Multiply Accumulate", gives the layouts; with group = lane / 16:
 *
 *     A[lane % 16][k], B[k][lane % 16]    k = 0 .. 15, 16 bits each; both groups hold the same
 *     D[2 * i + group][lane % 16]         i = 0 .. 7
 *
 * For D^T, rounded, to be an operand, lanes 16 apart exchange their halves of it. */
#ifndef VARLEN_HIP_WMMA_H
#define VARLEN_HIP_WMMA_H

#include "platform/device.h"

constexpr int UNIT_ELEMENTS = 16; /* of an operand that a lane holds */
constexpr int UNIT_GROUPS = 1;    /* of 16 lanes, which hold different steps of an operand */

typedef float unit_sums __attribute__((ext_vector_type(8)));

struct unit_operand {
    uint32_t pair[8];
};

/* The row of D that a lane's sum number i belongs to is unit_group() * UNIT_ROW_STRIDE + i * UNIT_SUM_STRIDE. */
constexpr int UNIT_SUMS = 8;
constexpr int UNIT_ROW_STRIDE = 1;
constexpr int UNIT_SUM_STRIDE = 2;

template <typename T> GPU_DEVICE unit_sums unit_product(const unit_operand &a, const unit_operand &b, unit_sums sums);

template <> GPU_DEVICE unit_sums unit_product<float16>(const unit_operand &a, const unit_operand &b, unit_sums sums)
{
    typedef float16 sixteen __attribute__((ext_vector_type(16)));
    return __builtin_amdgcn_wmma_f32_16x16x16_f16_w32(__builtin_bit_cast(sixteen, a), __builtin_bit_cast(sixteen, b),
                                                      sums);
}

template <> GPU_DEVICE unit_sums unit_product<bfloat16>(const unit_operand &a, const unit_operand &b, unit_sums sums)
{
    typedef short sixteen __attribute__((ext_vector_type(16)));
    return __builtin_amdgcn_wmma_f32_16x16x16_bf16_w32(__builtin_bit_cast(sixteen, a), __builtin_bit_cast(sixteen, b),
                                                       sums);
}

/* Keeps products whose sums are wanted later from being moved behind the next ones, while what they read from shared
 * memory, which cannot move, waits in registers. */
GPU_DEVICE void unit_stays(unit_sums &sums)
{
    asm volatile("" : "+v"(sums));
}

/* What lane ^ 16 has. */
GPU_DEVICE uint32_t other_group(uint32_t x)
{
    return (uint32_t)__builtin_amdgcn_permlanex16((int)x, (int)x, 0x76543210, (int)0xfedcba98, true, false);
}

/* From a lane's own elements of D^T, rounded: those of group 0 come first. */
GPU_DEVICE unit_operand unit_operand_of(const uint32_t (&own)[UNIT_SUMS / 2])
{
    unit_operand operand;
#pragma unroll
    for (int i = 0; i < UNIT_SUMS / 2; i++) {
        const uint32_t other = other_group(own[i]);
        operand.pair[i] = lane_index() < 16 ? own[i] : other;
        operand.pair[UNIT_SUMS / 2 + i] = lane_index() < 16 ? other : own[i];
    }
    return operand;
}

/* Over the lanes that have a column of D. Where few lanes want the result, clang 19 would move the exchange behind the
 * branch that they alone take. */
template <typename COMBINE> GPU_DEVICE float unit_reduce(float x, COMBINE combine)
{
    uint32_t other = other_group(__builtin_bit_cast(uint32_t, x));
    asm volatile("" : "+v"(other));
    return combine(x, __builtin_bit_cast(float, other));
}

#endif
