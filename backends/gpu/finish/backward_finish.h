/* After the tiles of the backward pass: dq from the sums over tiles, and dsinks from its parts. */
#ifndef VARLEN_GPU_BACKWARD_FINISH_H
#define VARLEN_GPU_BACKWARD_FINISH_H

#include "warp_tiles/backward_tile.h"

enum {
    FINISH_BLOCKS = 4, /* per processor */
};

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

/* dq of the rows of a block, which has that number among those of all sequences. */
template <typename INSTANCE>
GPU_DEVICE void finish_rows(const backward_arguments &args, const backward_rows &block, int64_t number, int32_t kv_head)
{
    using work = backward_work<INSTANCE>;
    using grid = typename INSTANCE::dq;
    const gpu_problem &problem = args.problem;
    const auto address = [&](int32_t row) {
        return query_row_address(problem, args.dq, block.sequence, kv_head, block.first_row + row);
    };
    typename grid::sums dq;
    load_flat_sums(dq, work::dq_sums_of(args, sum_number_of_rows(args, block, number, kv_head)));
    work::scale(dq, problem.scale);
    if constexpr (INSTANCE::TUNING.results_by_shared_memory) {
        const typename INSTANCE::key_tile tile = {(typename INSTANCE::T *)shared_memory()};
        store_sums(tile, grid::row(), grid::column(), dq);
        block_barrier();
        work::store_rows(tile, block.rows, problem.head_dim, address);
        block_barrier(); /* the tile is free again */
    } else {
        work::template store_part<grid>(dq, block.rows, problem.head_dim, address);
    }
}

/* dsinks of one head. Threads, then doubling strides: always the same order. */
template <int THREADS> GPU_DEVICE void finish_sink(const backward_arguments &args, int32_t head, float *shared)
{
    float sum = 0.0f;
    for (int64_t number = thread_index(); number < args.row_blocks; number += THREADS)
        sum += args.dsink_parts[head * args.row_blocks + number];
    shared[thread_index()] = sum;
    block_barrier();
    for (int step = THREADS / 2; step > 0; step /= 2) {
        if (thread_index() < step)
            shared[thread_index()] += shared[thread_index() + step];
        block_barrier();
    }
    if (thread_index() == 0)
        args.dsinks[head] = shared[0];
    block_barrier();
}

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
GPU_KERNEL((backward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>::THREADS), 1)
finish_kernel(GPU_ARGUMENTS(backward_arguments) args)
{
    using INSTANCE = backward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>;
    const gpu_problem &problem = args.problem;
    if (plan_violation(args.plan) != no_violation)
        return;
    for (int32_t head = block_index(); args.dsinks && head < problem.q_heads; head += grid_blocks())
        finish_sink<INSTANCE::THREADS>(args, head, (float *)shared_memory());
    if (!args.plan.header->several)
        return;
    for (int64_t n = block_index(); n < args.row_blocks * problem.kv_heads; n += grid_blocks()) {
        int64_t number = n / problem.kv_heads;
        const backward_rows block = backward_rows_at(problem, INSTANCE::ROWS, number);
        if (block.keys.end > 0 && dq_is_summed(block.sequence, args.shape))
            finish_rows<INSTANCE>(args, block, number, (int32_t)(n - number * problem.kv_heads));
    }
}

#endif
