/* Products of a warp group: 64 rows, of which each of the four warps has 16. See backends/gpu/async_platform.h; PTX
 * ISA, "Register fragments and shared memory matrix layouts" of wgmma, gives the layouts:
 *
 *     sums      thread holds rows 16 * warp + lane/4 and 8 below, columns 2 * (lane % 4) and the next of each 8 columns
 *     operand   the same, as pairs: sums of 16 neighbouring columns, rounded, are a step's left operand */
#ifndef VARLEN_GPU_GROUP_PRODUCTS_H
#define VARLEN_GPU_GROUP_PRODUCTS_H

#include "groups/shared_matrix.h"
#include "platform/barriers.h"
#include "platform/group_instructions.h"

constexpr int GROUP = 128; /* threads */

GPU_DEVICE int group_lane()
{
    return thread_index() % 32;
}

/* The first column that a thread has of sums; the others are constant distances from it. */
GPU_DEVICE int group_column()
{
    return group_lane() % 4 * 2;
}

/* group_sums::slot_row() of slot 0; that of slot 1 is 8 below. */
GPU_DEVICE int group_row()
{
    return thread_index() % GROUP / 32 * 16 + group_lane() / 4;
}

template <int COLUMNS_> struct group_sums {
    static constexpr int ROWS = 64;
    static constexpr int COLUMNS = COLUMNS_;
    static constexpr int SLOTS = 2;
    static constexpr int RUN = 2;
    static_assert(COLUMNS % 16 == 0 && COLUMNS <= 256, "widths that the unit has");

    group_registers<float, COLUMNS / 2> registers;

    GPU_DEVICE void clear()
    {
        float *sums = registers.touch();
#pragma unroll
        for (int i = 0; i < COLUMNS / 2; i++)
            sums[i] = 0.0f;
    }

    template <typename F> GPU_DEVICE void for_each_run(F f)
    {
        float *sums = registers.touch();
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++)
#pragma unroll
            for (int n = 0; n < COLUMNS / 8; n++)
                f(slot, n * 8 + group_column(), sums + n * 4 + slot * 2);
    }

    template <typename F> GPU_DEVICE void for_each_run_with(group_sums &other, F f)
    {
        float *sums = registers.touch();
        float *others = other.registers.touch();
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++)
#pragma unroll
            for (int n = 0; n < COLUMNS / 8; n++)
                f(slot, n * 8 + group_column(), sums + n * 4 + slot * 2, others + n * 4 + slot * 2);
    }

    GPU_DEVICE static int slot_row(int slot)
    {
        return group_row() + slot * 8;
    }

    GPU_DEVICE static bool first_lane()
    {
        return group_lane() % 4 == 0;
    }

    GPU_DEVICE static float row_max(float x)
    {
        x = fmaxf(x, warp_xor(x, 1));
        return fmaxf(x, warp_xor(x, 2));
    }

    GPU_DEVICE static float row_sum(float x)
    {
        x += warp_xor(x, 1);
        return x + warp_xor(x, 2);
    }
};

template <int COLUMNS> GPU_DEVICE float row_max(const group_sums<COLUMNS> &, float x)
{
    return group_sums<COLUMNS>::row_max(x);
}

/* The first 8 rows that each warp has of sums: what goes through these passes over the others, those of slot 1. */
template <typename SUMS_> struct upper_rows {
    static constexpr int ROWS = 8;
    static constexpr int SLOTS = SUMS_::SLOTS;
    static constexpr int RUN = SUMS_::RUN;

    SUMS_ &sums;

    template <typename F> GPU_DEVICE void for_each_run(F f)
    {
        sums.for_each_run([&](int slot, int column, float *run) {
            if (slot == 0)
                f(slot, column, run);
        });
    }
};

template <typename SUMS> GPU_DEVICE float row_max(const upper_rows<SUMS> &, float x)
{
    return SUMS::row_max(x);
}

/* 64 rows of STEPS elements, in registers. */
template <typename T, int STEPS_> struct group_operand {
    static constexpr int VECTORS = 64;
    static constexpr int STEPS = STEPS_;
    using element = T;
    static_assert(STEPS % 16 == 0, "made of steps of 16");

    group_registers<uint32_t, STEPS / 4> registers;
};

template <typename T, int COLUMNS>
GPU_DEVICE void group_round(group_operand<T, COLUMNS> &operand, group_sums<COLUMNS> &sums)
{
    const float *from = sums.registers.touch();
    uint32_t *pairs = operand.registers.touch();
#pragma unroll
    for (int i = 0; i < COLUMNS / 4; i++)
        pairs[i] = element_pair<T>(from[2 * i], from[2 * i + 1]);
}

/* pair(n, slot) of columns 8 * n + group_column(), two elements, goes to its place. Rows of slots are 8 apart, which is
 * how often swizzles repeat. */
template <int COLUMNS, typename MATRIX, typename PAIR>
GPU_DEVICE void group_store_pairs(const MATRIX &matrix, int row, int column, PAIR pair)
{
    constexpr int slot_elements = 8 * MATRIX::SWIZZLE / (int)sizeof(typename MATRIX::element);
#pragma unroll
    for (int n = 0; n < COLUMNS / 8; n++) {
        typename MATRIX::element *to = matrix.piece(row + group_row(), column + n * 8) + group_column();
#pragma unroll
        for (int slot = 0; slot < group_sums<COLUMNS>::SLOTS; slot++)
            shared_store((uint32_t *)(to + slot * slot_elements), pair(n, slot));
    }
}

template <typename MATRIX, int COLUMNS>
GPU_DEVICE void group_store(const MATRIX &matrix, int row, int column, group_sums<COLUMNS> &sums)
{
    const float *from = sums.registers.touch();
    group_store_pairs<COLUMNS>(matrix, row, column, [&](int n, int slot) {
        return element_pair<typename MATRIX::element>(from[n * 4 + slot * 2], from[n * 4 + slot * 2 + 1]);
    });
}

/* The same of sums that have been rounded already. */
template <typename MATRIX, typename T, int COLUMNS>
GPU_DEVICE void group_store(const MATRIX &matrix, int row, int column, group_operand<T, COLUMNS> &rounded)
{
    const uint32_t *pairs = rounded.registers.touch();
    group_store_pairs<COLUMNS>(matrix, row, column,
                               [&](int n, int slot) { return pairs[n * group_sums<COLUMNS>::SLOTS + slot]; });
}

struct alignas(16) floats_4 {
    float value[4];
};

/* Sums in the order in which threads hold them, four floats of each side by side: ROWS x COLUMNS in all. */
template <int COLUMNS> GPU_DEVICE void group_store_flat(float *to, group_sums<COLUMNS> &sums)
{
    const float *from = sums.registers.touch();
#pragma unroll
    for (int i = 0; i < COLUMNS / 8; i++)
        shared_store((floats_4 *)to + i * GROUP + thread_index() % GROUP,
                     floats_4{{from[4 * i], from[4 * i + 1], from[4 * i + 2], from[4 * i + 3]}});
}

/* From there, or from where that has been copied to. */
template <int COLUMNS> GPU_DEVICE void group_load_flat(group_sums<COLUMNS> &sums, const float *from)
{
    float *to = sums.registers.touch();
#pragma unroll
    for (int i = 0; i < COLUMNS / 8; i++) {
        const floats_4 four = ((const floats_4 *)from)[i * GROUP + thread_index() % GROUP];
#pragma unroll
        for (int n = 0; n < 4; n++)
            to[4 * i + n] = four.value[n];
    }
}

/* One instruction: 16 steps. */
template <typename LEFT, typename RIGHT, int COLUMNS>
GPU_DEVICE void group_step(group_sums<COLUMNS> &sums, const LEFT &left, const RIGHT &right, int step, bool add)
{
    static_assert(sizeof(typename LEFT::element) == 2, "elements of 16 bits can lie by columns");
    const uint64_t a = descriptor_at(LEFT::DESCRIPTOR, shared_address(left.matrix.data));
    const uint64_t b = descriptor_at(RIGHT::DESCRIPTOR, shared_address(right.matrix.data));
    multiply_shared<typename LEFT::element, COLUMNS, LEFT::TRANSPOSED, RIGHT::TRANSPOSED>(
        sums.registers, a + (uint32_t)left.offset(step) / 16, b + (uint32_t)right.offset(step) / 16, add);
}

template <typename T, int STEPS, typename RIGHT, int COLUMNS>
GPU_DEVICE void group_step(group_sums<COLUMNS> &sums, group_operand<T, STEPS> &left, const RIGHT &right, int step,
                           bool add)
{
    const uint64_t b = descriptor_at(RIGHT::DESCRIPTOR, shared_address(right.matrix.data));
    multiply_registers<T, COLUMNS, RIGHT::TRANSPOSED>(sums.registers, left.registers, step,
                                                      b + (uint32_t)right.offset(step) / 16, add);
}

template <int STEPS, typename LEFT, typename RIGHT, int COLUMNS>
GPU_DEVICE void group_steps(group_sums<COLUMNS> &sums, LEFT &left, const RIGHT &right, bool add)
{
    static_assert(STEPS % 16 == 0, "made of steps of 16");
    static_assert(STEPS <= LEFT::STEPS && STEPS <= RIGHT::STEPS, "a matrix has not so many steps");
    static_assert(64 <= LEFT::VECTORS, "the left matrix has no 64 rows");
    static_assert(COLUMNS <= RIGHT::VECTORS && COLUMNS % RIGHT::VECTOR_UNIT == 0,
                  "the right matrix has not so many columns, or part of a panel were left over");
#pragma unroll
    for (int step = 0; step < STEPS / 16; step++)
        group_step(sums, left, right, step, add || step > 0);
}

template <int STEPS, typename LEFT, typename RIGHT, int COLUMNS>
GPU_DEVICE void group_multiply(group_sums<COLUMNS> &sums, LEFT &&left, const RIGHT &right)
{
    group_steps<STEPS>(sums, left, right, false);
}

template <int STEPS, typename LEFT, typename RIGHT, int COLUMNS>
GPU_DEVICE void group_multiply_add(group_sums<COLUMNS> &sums, LEFT &&left, const RIGHT &right)
{
    group_steps<STEPS>(sums, left, right, true);
}

/* Until at most LATER groups of products are under way; `done` are the sums and operands of those that have ended. */
template <int LATER, typename... DONE> GPU_DEVICE void products_wait(DONE &...done)
{
    products_wait_groups<LATER>();
    (done.registers.release(), ...);
}

#endif
