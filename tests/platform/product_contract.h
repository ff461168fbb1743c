/* Products of matrices by a warp, and the sums that it holds. */
#ifndef VARLEN_TESTS_PLATFORM_PRODUCT_CONTRACT_H
#define VARLEN_TESTS_PLATFORM_PRODUCT_CONTRACT_H

#include "contract.h"

#include <type_traits>

namespace product_contract
{

constexpr int HOST_THREADS = 128; /* two warps of 64, or four of 32 */
constexpr int ROWS = 32;
constexpr int STEPS = 64;
constexpr int COLUMNS = 48;

template <typename TILE, int TILE_ROWS> constexpr int tile_bytes = TILE::bytes(TILE_ROWS);

/* Whether a platform has a type that it need not. RDNA's interleaved tiles are there in name alone. */
template <typename T, typename = void> struct is_there : std::false_type {
};
#if !defined(__GFX11__) && !defined(__GFX12__)
template <typename T> struct is_there<T, std::void_t<decltype(sizeof(T))>> : std::true_type {
};
#endif

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

/* f(row, column) for the tile's elements, by all threads. */
template <typename T, int DIM, typename F>
GPU_DEVICE void fill(const shared_tile<T, DIM> &tile, int rows, int columns, F f)
{
    for (int n = thread_index(); n < rows * columns; n += HOST_THREADS) {
        const int row = n / columns;
        const int column = n % columns;
        tile.piece(row, column & ~7)[column % 8] = from_float<T>(f(row, column));
    }
}

template <typename TILE, typename F> GPU_DEVICE void fill_interleaved(const TILE &tile, int rows, int columns, F f)
{
    for (int n = thread_index(); n < rows * columns; n += HOST_THREADS) {
        const int row = n / columns;
        const int column = n % columns;
        using T = std::remove_pointer_t<decltype(tile.data)>;
        tile.piece(row & ~3, column & ~1)[column % 2 * 4 + row % 4] = from_float<T>(f(row, column));
    }
}

template <int R, int C, typename F>
GPU_DEVICE void compare(const contract_memory &memory, warp_sums<R, C> &sums, F expected)
{
    sums.for_each_run([&](int slot, int column, const float *run) {
        for (int i = 0; i < sums.RUN; i++)
            contract_expect(memory, sums.slot_row(slot), column + i, run[i], expected(sums.slot_row(slot), column + i));
    });
}

template <int R, int C, typename F> GPU_DEVICE void assign(warp_sums<R, C> &sums, F f)
{
    sums.for_each_run([&](int slot, int column, float *run) {
        for (int i = 0; i < sums.RUN; i++)
            run[i] = f(sums.slot_row(slot), column + i);
    });
}

/* What is multiplied lies behind as many rows or columns as it has. */
template <typename T> GPU_KERNEL(HOST_THREADS, 1) rows(GPU_ARGUMENTS(contract_memory) memory)
{
    using tile = shared_tile<T, STEPS>;
    const tile a = {(T *)shared_memory()};
    const tile b = {(T *)(shared_memory() + tile_bytes<tile, 2 * STEPS>)};
    fill(a, 2 * ROWS, STEPS, [](int r, int c) { return left(r - ROWS, c); });
    fill(b, 2 * COLUMNS, STEPS, [](int r, int c) { return right(c, r - COLUMNS); });
    block_barrier();
    warp_sums<ROWS, COLUMNS> sums;
    sums.clear();
    multiply_rows(sums, a, ROWS, b, COLUMNS);
    multiply_rows(sums, a, ROWS, b, COLUMNS);
    compare(memory, sums, [](int r, int c) { return 2.0f * product(r, c); });
}

template <typename T> GPU_KERNEL(HOST_THREADS, 1) columns(GPU_ARGUMENTS(contract_memory) memory)
{
    using tile = shared_tile<T, 128>;
    const tile a = {(T *)shared_memory()};
    const tile b = {(T *)(shared_memory() + tile_bytes<tile, STEPS>)};
    fill(a, STEPS, 2 * ROWS, [](int r, int c) { return left(c - ROWS, r); });
    fill(b, STEPS, 2 * COLUMNS, [](int r, int c) { return right(r, c - COLUMNS); });
    block_barrier();
    warp_sums<ROWS, COLUMNS> sums;
    sums.clear();
    multiply_columns<STEPS>(sums, a, ROWS, b, COLUMNS);
    compare(memory, sums, [](int r, int c) { return product(r, c); });
}

template <typename T> GPU_KERNEL(HOST_THREADS, 1) tiles(GPU_ARGUMENTS(contract_memory) memory)
{
    using tile = shared_tile<T, STEPS>;
    const tile a = {(T *)shared_memory()};
    const shared_tile<T, 128> b = {(T *)(shared_memory() + tile_bytes<tile, STEPS>)};
    fill(a, 2 * ROWS, STEPS, [](int r, int c) { return left(r - ROWS, c); });
    fill(b, STEPS, 2 * COLUMNS, [](int r, int c) { return right(r, c - COLUMNS); });
    block_barrier();
    warp_sums<ROWS, COLUMNS> sums;
    sums.clear();
    multiply_tiles<STEPS>(sums, a, ROWS, b, COLUMNS);
    compare(memory, sums, [](int r, int c) { return product(r, c); });
}

template <typename T> GPU_KERNEL(HOST_THREADS, 1) operand(GPU_ARGUMENTS(contract_memory) memory)
{
    using tile = shared_tile<T, 128>;
    const tile b = {(T *)shared_memory()};
    fill(b, 2 * STEPS, 2 * COLUMNS, [](int r, int c) { return right(r - STEPS, c - COLUMNS); });
    block_barrier();
    warp_sums<ROWS, STEPS> p;
    assign(p, [](int r, int c) { return left(r, c); });
    warp_sums<ROWS, COLUMNS> sums;
    sums.clear();
    multiply_operand(sums, operand_of<T>(p), b, STEPS, COLUMNS);
    compare(memory, sums, [](int r, int c) { return product(r, c); });
}

template <typename T> GPU_KERNEL(HOST_THREADS, 1) interleaved(GPU_ARGUMENTS(contract_memory) memory)
{
    if constexpr (is_there<interleaved_tile<T, 64>>::value) {
        const interleaved_tile<T, 64> b = {(T *)shared_memory()};
        fill_interleaved(b, STEPS, 64, [](int r, int c) { return right(r, c); });
        block_barrier();
        warp_sums<ROWS, STEPS> p;
        assign(p, [](int r, int c) { return left(r, c); });
        warp_sums<ROWS, 64> sums;
        sums.clear();
        multiply_operand(sums, operand_of<T>(p), b, 0, 0);
        compare(memory, sums, [](int r, int c) { return product(r, c); });
    } else {
        contract_expect(memory, 0, 0, 0.0f, 0.0f); /* there is no such tile */
    }
}

template <typename T> GPU_KERNEL(HOST_THREADS, 1) stored(GPU_ARGUMENTS(contract_memory) memory)
{
    using tile = shared_tile<T, 128>;
    const int warp = thread_index() / WARP;
    const tile to = {(T *)(shared_memory() + warp * tile_bytes<tile, 2 * ROWS>)};
    if (warp > 1) /* of which the memory would not be enough */
        return;
    warp_sums<ROWS, COLUMNS> sums;
    assign(sums, [](int r, int c) { return contract_number(r, c); });
    store_sums(to, ROWS, COLUMNS, sums);
    warp_barrier();
    for (int n = thread_index() % WARP; n < ROWS * COLUMNS; n += WARP) {
        const int row = n / COLUMNS;
        const int column = n % COLUMNS;
        const T element = to.piece(ROWS + row, (COLUMNS + column) & ~7)[column % 8];
        contract_expect(memory, row, column, to_float(element), contract_number(row, column));
    }
}

GPU_KERNEL(HOST_THREADS, 1) reductions(GPU_ARGUMENTS(contract_memory) memory)
{
    warp_sums<ROWS, COLUMNS> sums, copy;
    float sum[sums.SLOTS] = {};
    float largest[sums.SLOTS] = {};
    assign(sums, [](int r, int c) { return contract_number(r, c) + 9.0f; });
    sums.for_each_run_with(copy, [&](int, int, float *run, float *run_of_copy) {
        for (int i = 0; i < sums.RUN; i++)
            run_of_copy[i] = run[i];
    });
    copy.for_each_run([&](int slot, int, const float *run) {
        for (int i = 0; i < sums.RUN; i++) {
            sum[slot] += run[i];
            largest[slot] = fmaxf(largest[slot], run[i]);
        }
    });
    for (int slot = 0; slot < sums.SLOTS; slot++) {
        float expected_sum = 0.0f;
        float expected_largest = 0.0f;
        for (int c = 0; c < COLUMNS; c++) {
            expected_sum += contract_number(sums.slot_row(slot), c) + 9.0f;
            expected_largest = fmaxf(expected_largest, contract_number(sums.slot_row(slot), c) + 9.0f);
        }
        contract_expect(memory, sums.slot_row(slot), -1, sums_row_sum(sum[slot]), expected_sum);
        contract_expect(memory, sums.slot_row(slot), -2, sums_row_max(largest[slot]), expected_largest);
    }
}

/* Each row has one first lane in a warp. */
GPU_KERNEL(HOST_THREADS, 1) first_lanes(GPU_ARGUMENTS(contract_memory) memory)
{
    int32_t *count = (int32_t *)shared_memory();
    if (thread_index() < ROWS)
        count[thread_index()] = 0;
    block_barrier();
    using sums = warp_sums<ROWS, COLUMNS>;
    for (int slot = 0; slot < sums::SLOTS; slot++)
        if (sums_first_lane())
            atomic_add(&count[sums::slot_row(slot)], (int32_t)1);
    block_barrier();
    if (thread_index() < ROWS)
        contract_expect(memory, thread_index(), 0, (float)count[thread_index()], (float)(HOST_THREADS / WARP));
}

} // namespace product_contract

#endif
