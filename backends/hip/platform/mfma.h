/* The matrix unit of CDNA: v_mfma_f32_16x16x16, D = A B + D with 64 lanes. AMD's "CDNA3 Instruction Set Architecture",
 * "Matrix Arithmetic Instructions", gives the layouts; with group = lane / 16 and k = 4 * group + i:
 *
 *     A[lane % 16][k], B[k][lane % 16]    i = 0 .. 3, 16 bits each
 *     D[4 * group + i][lane % 16]         i = 0 .. 3
 *
 * So D^T, rounded, is an operand as it stands. */
#ifndef VARLEN_HIP_MFMA_H
#define VARLEN_HIP_MFMA_H

#include "platform/device.h"

constexpr int UNIT_ELEMENTS = 4; /* of an operand that a lane holds */
constexpr int UNIT_GROUPS = 4;   /* of 16 lanes, which hold different steps of an operand */

typedef float unit_sums __attribute__((ext_vector_type(4)));

struct unit_operand {
    uint32_t pair[2];
};

/* The row of D that a lane's sum number i belongs to is unit_group() * UNIT_ROW_STRIDE + i * UNIT_SUM_STRIDE. */
constexpr int UNIT_SUMS = 4;
constexpr int UNIT_ROW_STRIDE = 4;
constexpr int UNIT_SUM_STRIDE = 1;

template <typename T> GPU_DEVICE unit_sums unit_product(const unit_operand &a, const unit_operand &b, unit_sums sums);

template <> GPU_DEVICE unit_sums unit_product<float16>(const unit_operand &a, const unit_operand &b, unit_sums sums)
{
    typedef float16 four __attribute__((ext_vector_type(4)));
    return __builtin_amdgcn_mfma_f32_16x16x16f16(__builtin_bit_cast(four, a), __builtin_bit_cast(four, b), sums, 0, 0,
                                                 0);
}

template <> GPU_DEVICE unit_sums unit_product<bfloat16>(const unit_operand &a, const unit_operand &b, unit_sums sums)
{
    typedef short four __attribute__((ext_vector_type(4)));
    return __builtin_amdgcn_mfma_f32_16x16x16bf16_1k(__builtin_bit_cast(four, a), __builtin_bit_cast(four, b), sums, 0,
                                                     0, 0);
}

/* From a lane's own elements of D^T, rounded. */
GPU_DEVICE unit_operand unit_operand_of(const uint32_t (&own)[UNIT_SUMS / 2])
{
    return {{own[0], own[1]}};
}

/* Over the lanes that have a column of D. */
template <typename COMBINE> GPU_DEVICE float unit_reduce(float x, COMBINE combine)
{
    x = combine(x, warp_xor(x, 16));
    return combine(x, warp_xor(x, 32));
}

#endif
