/* From the sums of warps to dq, dk and dv. */
#ifndef VARLEN_GPU_BACKWARD_RESULTS_H
#define VARLEN_GPU_BACKWARD_RESULTS_H

#include "rows/stored_sums.h"
#include "warp_tiles/backward_layout.h"

/* A warp's sums in global memory lie in the order in which its threads hold them: four floats of each, side by side. */
template <int ROWS, int COLUMNS> GPU_DEVICE void add_flat_sums(float *to, warp_sums<ROWS, COLUMNS> &sums)
{
    constexpr int count = ROWS * COLUMNS / WARP;
    float flat[count / 4][4];
    int n = 0;
    sums.for_each_run([&](int, int, float *run) {
#pragma unroll
        for (int i = 0; i < sums.RUN; i++, n++)
            flat[n / 4][n % 4] = run[i];
    });
#pragma unroll
    for (int i = 0; i < count / 4; i++)
        atomic_add_4(to + (i * WARP + thread_index() % WARP) * 4, flat[i]);
}

template <int ROWS, int COLUMNS> GPU_DEVICE void load_flat_sums(warp_sums<ROWS, COLUMNS> &sums, const float *from)
{
    constexpr int count = ROWS * COLUMNS / WARP;
    struct alignas(16) floats_4 {
        float value[4];
    };
    floats_4 flat[count / 4];
#pragma unroll
    for (int i = 0; i < count / 4; i++)
        flat[i] = ((const floats_4 *)from)[i * WARP + thread_index() % WARP];
    int n = 0;
    sums.for_each_run([&](int, int, float *run) {
#pragma unroll
        for (int i = 0; i < sums.RUN; i++, n++)
            run[i] = flat[n / 4].value[n % 4];
    });
}

/* Those of this warp, of a chunk of rows. */
template <typename INSTANCE> GPU_DEVICE float *dq_sums_of(const backward_arguments &args, int64_t number)
{
    using grid = typename INSTANCE::dq;
    constexpr int warp_floats = grid::WARP_ROWS * grid::WARP_COLUMNS;
    return args.dq_sums + number * INSTANCE::ROWS * INSTANCE::HEAD_DIM + thread_index() / WARP * warp_floats;
}

/* With turns, tiles add to a chunk of rows in order of their number. */
template <typename INSTANCE>
GPU_DEVICE chunk_turn turn_of(const backward_arguments &args, const backward_item &item, int32_t chunk)
{
    if (!args.turns)
        return {0, false};
    return turn_at_chunk<typename INSTANCE::rule>(args, item, INSTANCE::ROWS, INSTANCE::KEYS, chunk);
}

GPU_DEVICE void await_turn(const int32_t *turns, int32_t turn)
{
    if (thread_index() == 0)
        while (load_volatile(turns) != turn) {
        }
    block_barrier();
    fence();
}

/* Only whose turn it is writes to it. */
GPU_DEVICE void end_turn(int32_t *turns)
{
    fence();
    block_barrier();
    if (thread_index() == 0)
        store_volatile(turns, load_volatile(turns) + 1);
}

/* To the sums over tiles. */
template <typename INSTANCE>
GPU_DEVICE void add_dq(const backward_arguments &args, const backward_item &item, typename INSTANCE::dq::sums &dq,
                       int32_t chunk)
{
    const int64_t number = sum_number(args, item, chunk);
    const chunk_turn turn = turn_of<INSTANCE>(args, item, chunk);
    if (!turn.exists) {
        add_flat_sums(dq_sums_of<INSTANCE>(args, number), dq);
        return;
    }
    await_turn(args.turns + number, turn.number);
    add_flat_sums(dq_sums_of<INSTANCE>(args, number), dq);
    end_turn(args.turns + number);
}

/* Rows of an output from the rows of a tile. */
template <int THREADS, typename T, int DIM, typename ADDRESS>
GPU_DEVICE void store_tile_rows(const shared_tile<T, DIM> &tile, int32_t rows, int32_t dim, ADDRESS address)
{
    const int32_t pieces = dim / 8;
    for (int32_t n = thread_index(); n < rows * pieces; n += THREADS) {
        int32_t row = n / pieces;
        int32_t column = (n - row * pieces) * 8;
        store_16(address(row) + column * (int)sizeof(T), load_16(tile.piece(row, column)));
    }
}

/* The part of a matrix that a warp has, into rows of an output. */
template <typename T, typename GRID, typename ADDRESS>
GPU_DEVICE void store_part(typename GRID::sums &sums, int32_t rows, int32_t dim, ADDRESS address)
{
    const int column = GRID::column();
    store_sums_to_rows<T>(sums, rows - GRID::row(), dim - column,
                          [&](int32_t row) { return address(GRID::row() + row) + column * (int)sizeof(T); });
}

/* dq of a chunk of rows, `first_row` and following of a sequence; by way of shared memory, through `tile`. */
template <typename INSTANCE>
GPU_DEVICE void store_dq(const backward_arguments &args, const gpu_sequence &sequence, int32_t kv_head,
                         int32_t first_row, int32_t rows, typename INSTANCE::dq::sums &dq,
                         const typename INSTANCE::key_tile &tile)
{
    using grid = typename INSTANCE::dq;
    const gpu_problem &problem = args.problem;
    const auto address = [&](int32_t row) {
        return query_row_address(problem, args.dq, sequence, kv_head, first_row + row);
    };
    scale_sums(dq, problem.scale);
    if constexpr (INSTANCE::TUNING.results_by_shared_memory) {
        store_sums(tile, grid::row(), grid::column(), dq);
        block_barrier();
        store_tile_rows<INSTANCE::THREADS>(tile, rows, problem.head_dim, address);
        block_barrier(); /* the tile is free again */
    } else {
        store_part<typename INSTANCE::T, grid>(dq, rows, problem.head_dim, address);
    }
}

/* dk and dv of an item. By way of shared memory, they take the places of k and v. */
template <typename INSTANCE>
GPU_DEVICE void store_dk_and_dv(const backward_arguments &args, const backward_item &item,
                                const backward_memory<INSTANCE> &memory, typename INSTANCE::dk::sums &dk,
                                typename INSTANCE::dv::sums &dv)
{
    using T = typename INSTANCE::T;
    using dk_grid = typename INSTANCE::dk;
    using dv_grid = typename INSTANCE::dv;
    const gpu_problem &problem = args.problem;
    const int64_t first = (int64_t)item.sequence.first_key + item.first_key;
    const auto dk_row = [&](int32_t row) { return tensor_row(args.dk, first + row, item.kv_head); };
    const auto dv_row = [&](int32_t row) { return tensor_row(args.dv, first + row, item.kv_head); };
    scale_sums(dk, problem.scale);
    if constexpr (INSTANCE::TUNING.results_by_shared_memory) {
        block_barrier(); /* keys and values are no longer needed */
        store_sums(memory.k(), dk_grid::row(), dk_grid::column(), dk);
        store_sums(memory.v(), dv_grid::row(), dv_grid::column(), dv);
        block_barrier();
        store_tile_rows<INSTANCE::THREADS>(memory.k(), item.keys, problem.head_dim, dk_row);
        store_tile_rows<INSTANCE::THREADS>(memory.v(), item.keys, problem.value_dim, dv_row);
    } else {
        store_part<T, dk_grid>(dk, item.keys, problem.head_dim, dk_row);
        store_part<T, dv_grid>(dv, item.keys, problem.value_dim, dv_row);
    }
}

#endif
