/* Products of warp groups: each shape, each way in which operands lie, each swizzle on its own. */
#ifndef VARLEN_TESTS_PLATFORM_GROUP_CONTRACT_H
#define VARLEN_TESTS_PLATFORM_GROUP_CONTRACT_H

#include "async_platform.h"
#include "contract.h"

namespace group_contract
{

constexpr int THREADS = 2 * GROUP;
constexpr int STEPS = 64;

GPU_DEVICE float left(int row, int step)
{
    return contract_number(row, step);
}

GPU_DEVICE float right(int step, int column)
{
    return contract_number(step + 3, column);
}

GPU_DEVICE float product(int row, int column)
{
    float sum = 0.0f;
    for (int step = 0; step < STEPS; step++)
        sum += left(row, step) * right(step, column);
    return sum;
}

/* f(row, column) for all elements of a matrix, by all threads. */
template <typename MATRIX, typename F> GPU_DEVICE void fill(const MATRIX &matrix, F f)
{
    using T = typename MATRIX::element;
    for (int32_t n = thread_index(); n < MATRIX::ROWS * MATRIX::COLUMNS / 8; n += THREADS) {
        const int32_t row = n * 8 / MATRIX::COLUMNS;
        const int32_t column = n * 8 % MATRIX::COLUMNS;
        words_16 words;
        for (int32_t i = 0; i < 4; i++)
            words.word[i] = element_pair<T>(f(row, column + 2 * i), f(row, column + 2 * i + 1));
        store_16(matrix.piece(row, column), words);
    }
}

template <int COLUMNS, typename F>
GPU_DEVICE void compare(const contract_memory &memory, group_sums<COLUMNS> &sums, F expected)
{
    sums.for_each_run([&](int slot, int column, const float *run) {
        for (int i = 0; i < sums.RUN; i++)
            contract_expect(memory, sums.slot_row(slot), column + i, run[i], expected(sums.slot_row(slot), column + i));
    });
}

/* One side of a product whose vectors lie by rows or by columns. It begins at an offset from the matrix's start, so
 * that each way to count rows and panels matters. */
template <typename T, int VECTORS, int SWIZZLE, bool BY_COLUMNS> struct side {
    static constexpr int PANEL = SWIZZLE / 2;
    static constexpr int ROW = 8;
    static constexpr int COLUMN = BY_COLUMNS ? PANEL : 16;
    static constexpr int UP = (VECTORS + PANEL - 1) / PANEL * PANEL;
    using matrix =
        shared_matrix<T, BY_COLUMNS ? ROW + STEPS : ROW + VECTORS, BY_COLUMNS ? PANEL + UP : PANEL + STEPS, SWIZZLE>;
    static constexpr int BYTES = (matrix::BYTES + 1023) / 1024 * 1024;

    template <typename F> GPU_DEVICE static void fill_with(const matrix &m, F f)
    {
        fill(m, [&](int r, int c) { return BY_COLUMNS ? f(c - COLUMN, r - ROW) : f(r - ROW, c - COLUMN); });
    }
    GPU_DEVICE static auto operand(const matrix &m)
    {
        if constexpr (BY_COLUMNS)
            return by_columns(m, ROW, COLUMN);
        else
            return by_rows(m, ROW, COLUMN);
    }
};

/* Both sides in shared memory; set, then added to. */
template <typename T, int COLUMNS, int SWIZZLE, bool LEFT_BY_COLUMNS, bool RIGHT_BY_COLUMNS> struct shared_case {
    using left_side = side<T, 64, SWIZZLE, LEFT_BY_COLUMNS>;
    using right_side = side<T, COLUMNS, SWIZZLE, RIGHT_BY_COLUMNS>;
    static constexpr int BYTES = left_side::BYTES + right_side::BYTES;
};

template <typename CASE, typename T, int COLUMNS>
GPU_KERNEL(THREADS, 1)
shared_product(GPU_ARGUMENTS(contract_memory) memory)
{
    using left_side = typename CASE::left_side;
    using right_side = typename CASE::right_side;
    const typename left_side::matrix a = {(T *)shared_memory()};
    const typename right_side::matrix b = {(T *)(shared_memory() + left_side::BYTES)};
    left_side::fill_with(a, [](int row, int step) { return left(row, step); });
    right_side::fill_with(b, [](int column, int step) { return right(step, column); });
    fence_shared();
    block_barrier();
    group_sums<COLUMNS> sums;
    products_fence();
    group_multiply<STEPS>(sums, left_side::operand(a), right_side::operand(b));
    group_multiply_add<STEPS>(sums, left_side::operand(a), right_side::operand(b));
    products_commit();
    products_wait<0>(sums);
    compare(memory, sums, [](int r, int c) { return 2.0f * product(r, c); });
}

/* The left side in registers, made of sums. */
template <typename RIGHT, typename T, int COLUMNS>
GPU_KERNEL(THREADS, 1)
register_product(GPU_ARGUMENTS(contract_memory) memory)
{
    const typename RIGHT::matrix b = {(T *)shared_memory()};
    RIGHT::fill_with(b, [](int column, int step) { return right(step, column); });
    fence_shared();
    block_barrier();
    group_sums<STEPS> p;
    p.for_each_run([&](int slot, int column, float *run) {
        for (int i = 0; i < p.RUN; i++)
            run[i] = left(p.slot_row(slot), column + i);
    });
    group_operand<T, STEPS> operand;
    group_round(operand, p);
    group_sums<COLUMNS> sums;
    sums.clear();
    products_fence();
    group_multiply_add<STEPS>(sums, operand, RIGHT::operand(b));
    products_commit();
    products_wait<0>(sums, operand);
    compare(memory, sums, [](int r, int c) { return product(r, c); });
}

/* Two groups of products under way, of which the first is waited for, and worked on, alone. */
GPU_KERNEL(THREADS, 1) two_groups(GPU_ARGUMENTS(contract_memory) memory)
{
    using matrix = shared_matrix<bfloat16, 64, STEPS>;
    const matrix a = {(bfloat16 *)shared_memory()};
    const matrix b = {(bfloat16 *)(shared_memory() + matrix::BYTES)};
    fill(a, [](int row, int step) { return left(row, step); });
    fill(b, [](int row, int step) { return right(step, row); });
    fence_shared();
    block_barrier();
    group_sums<64> first, second;
    products_fence();
    group_multiply<STEPS>(first, by_rows(a), by_rows(b));
    products_commit();
    group_multiply<STEPS>(second, by_rows(b), by_rows(a));
    products_commit();
    products_wait<1>(first);
    first.for_each_run([&](int, int, float *run) {
        for (int i = 0; i < first.RUN; i++)
            run[i] += 1.0f;
    });
    compare(memory, first, [](int r, int c) { return product(r, c) + 1.0f; });
    products_wait<0>(second);
    compare(memory, second, [](int r, int c) { return product(c, r); });
}

/* What a kernel does with scores: a product's sums become the next one's operand; the right side came by a copy. */
struct attention_arguments {
    contract_memory memory;
    tensor_map map; /* of memory.target, 128 rows of 128 elements */
};

template <typename T> GPU_KERNEL(THREADS, 1) write_values(GPU_ARGUMENTS(contract_memory) memory)
{
    for (int32_t n = thread_index(); n < 128 * 128 / 2; n += THREADS)
        ((uint32_t *)memory.target)[n] =
            element_pair<T>(contract_number(n / 64, n % 64 * 2), contract_number(n / 64, n % 64 * 2 + 1));
}

GPU_DEVICE float score(int row, int column)
{
    float sum = 0.0f;
    for (int d = 0; d < 128; d++)
        sum += contract_number(row, d) * contract_number(column, d);
    return sum * 0x1p-9f;
}

GPU_DEVICE float value(int row, int column)
{
    float sum = 0.0f;
    for (int j = 0; j < 128; j++)
        sum += (score(row, j) > 0.0f ? 1.0f : -1.0f) * contract_number(j, column);
    return sum;
}

GPU_DEVICE void write(float *matrix, int first_row, group_sums<128> &sums)
{
    sums.for_each_run([&](int slot, int column, const float *run) {
        for (int i = 0; i < sums.RUN; i++)
            matrix[(first_row + sums.slot_row(slot)) * 128 + column + i] = run[i];
    });
}

template <typename T> GPU_KERNEL(THREADS, 1) attention(GPU_ARGUMENTS(attention_arguments) arguments)
{
    using matrix = shared_matrix<T, 128, 128>;
    const matrix k = {(T *)shared_memory()};
    const matrix p = {(T *)(shared_memory() + matrix::BYTES)};
    arrival_barrier &barrier = *(arrival_barrier *)(shared_memory() + 2 * matrix::BYTES);
    if (thread_index() == 0) {
        barrier.create(1);
        barriers_created();
        barrier.arrive_and_expect(matrix::BYTES);
        for (int n = 0; n < matrix::PANELS; n++) {
            const int32_t at[2] = {n * matrix::PANEL, 0};
            copy_tensor(k.panel(n), arguments.map, at, barrier);
        }
    }
    block_barrier();
    barrier.wait(0);
    float *results = (float *)arguments.memory.target + 128 * 128; /* behind what is copied */
    const int first_row = thread_index() / GROUP * 64;
    group_sums<128> scores, out, again;
    products_fence();
    group_multiply<128>(scores, by_rows(k, first_row), by_rows(k));
    products_commit();
    products_wait<0>(scores);
    scores.for_each_run([&](int, int, float *run) {
        for (int i = 0; i < scores.RUN; i++)
            run[i] = to_float(from_float<T>(run[i] * 0x1p-9f)) > 0.0f ? 1.0f : -1.0f;
    });
    group_store(p, first_row, 0, scores);
    group_operand<T, 128> operand;
    group_round(operand, scores);
    fence_shared();
    block_barrier();
    products_fence();
    group_multiply<128>(out, operand, by_columns(k));
    products_commit();
    group_multiply<128>(again, by_rows(p, first_row), by_columns(k));
    products_commit();
    products_wait<0>(out, operand, again);
    write(results, first_row, out);
    write(results + 128 * 128, first_row, again);
    fence();
    block_barrier();
    for (int32_t n = thread_index() * 7; n < 128 * 128; n += THREADS * 7) { /* each takes 16 thousand products */
        const float exact = value(n / 128, n % 128);
        contract_expect(arguments.memory, n / 128, n % 128, results[n], exact);
        contract_expect(arguments.memory, n / 128, 1000 + n % 128, results[128 * 128 + n], exact);
    }
}

/* Known sums in shared memory: rounded, from an operand, and as threads hold them. Each group writes rows of its own.
 */
template <typename T, int SWIZZLE> GPU_KERNEL(THREADS, 1) stored(GPU_ARGUMENTS(contract_memory) memory)
{
    constexpr int columns = 64;
    using matrix = shared_matrix<T, 128, 2 * columns, SWIZZLE>;
    const matrix direct = {(T *)shared_memory()};
    const matrix by_operand = {(T *)(shared_memory() + matrix::BYTES)};
    const int group = thread_index() / GROUP;
    float *flat = (float *)(shared_memory() + 2 * matrix::BYTES) + group * 64 * columns;
    group_sums<columns> sums, again;
    sums.for_each_run([&](int slot, int column, float *run) {
        for (int i = 0; i < sums.RUN; i++)
            run[i] = contract_number(sums.slot_row(slot) + group, column + i);
    });
    group_operand<T, columns> operand;
    group_round(operand, sums);
    group_store(direct, group * 64, columns, sums);
    group_store(by_operand, group * 64, columns, operand);
    group_store_flat(flat, sums);
    block_barrier();
    group_load_flat(again, flat);
    compare(memory, again, [&](int r, int c) { return contract_number(r + group, c); });
    for (int32_t n = thread_index(); n < 128 * columns; n += THREADS) {
        const int32_t row = n / columns;
        const int32_t column = n % columns;
        const float expected = contract_number(row % 64 + row / 64, column);
        const int32_t piece = columns + (column & ~7);
        contract_expect(memory, row, 1000 + column, to_float(direct.piece(row, piece)[column % 8]), expected);
        contract_expect(memory, row, 2000 + column, to_float(by_operand.piece(row, piece)[column % 8]), expected);
    }
}

/* Over rows of known sums. */
GPU_KERNEL(THREADS, 1) reductions(GPU_ARGUMENTS(contract_memory) memory)
{
    group_sums<80> sums;
    float sum[sums.SLOTS] = {};
    float largest[sums.SLOTS] = {-100.0f, -100.0f};
    sums.for_each_run([&](int slot, int column, float *run) {
        for (int i = 0; i < sums.RUN; i++) {
            run[i] = contract_number(sums.slot_row(slot), column + i);
            sum[slot] += run[i];
            largest[slot] = fmaxf(largest[slot], run[i]);
        }
    });
    for (int slot = 0; slot < sums.SLOTS; slot++) {
        float expected_sum = 0.0f;
        float expected_largest = -100.0f;
        for (int c = 0; c < 80; c++) {
            expected_sum += contract_number(sums.slot_row(slot), c);
            expected_largest = fmaxf(expected_largest, contract_number(sums.slot_row(slot), c));
        }
        contract_expect(memory, sums.slot_row(slot), 0, sums.row_sum(sum[slot]), expected_sum);
        contract_expect(memory, sums.slot_row(slot), 1, sums.row_max(largest[slot]), expected_largest);
    }
}

} // namespace group_contract

#endif
