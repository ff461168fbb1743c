/* From the sums of an item's rows to out and lse where heads are wide. WORK is wide_forward_work. */
#ifndef VARLEN_GPU_WIDE_FORWARD_RESULTS_H
#define VARLEN_GPU_WIDE_FORWARD_RESULTS_H

#include "rows/partials.h"
#include "rows/stored_sums.h"
#include "warp_tiles/forward_results.h"
#include "warp_tiles/wide_forward_tile.h"

/* Sums of weights over the threads and warps that share a row, and its maximum, into shared memory. */
template <typename WORK> GPU_DEVICE void share_sums(WORK &work)
{
    if (WORK::has_scores()) {
#pragma unroll
        for (int slot = 0; slot < WORK::SLOTS; slot++)
            work.state.sum[slot] = sums_row_sum(work.state.sum[slot]);
        work.share_rows(work.memory.of_key_warp(WORK::key_warp()), work.state.sum);
    }
    block_barrier(); /* the factors of the last chunk are no longer needed */
    if (WORK::has_scores() && WORK::key_warp() == 0)
        work.share_rows(work.memory.factors(), work.state.maximum);
    block_barrier();
}

/* In order of the warps, of a row of the tile. */
template <typename INSTANCE> GPU_DEVICE float sum_of_row(const wide_forward_memory<INSTANCE> &memory, int32_t row)
{
    float sum = 0.0f;
#pragma unroll
    for (int n = 0; n < INSTANCE::KEY_WARPS; n++)
        sum += memory.of_key_warp(n)[row];
    return sum;
}

template <typename INSTANCE> GPU_DEVICE void finish_whole(wide_forward_work<INSTANCE> &work)
{
    using work_type = wide_forward_work<INSTANCE>;
    using grid = typename INSTANCE::out;
    const forward_arguments &args = work.args;
    const int32_t row = thread_index();
    if (row < work.item.rows) {
        float &factor = work.memory.factors()[row];
        const query_row place = work.shared.rows[row];
        const row_result result = softmax_finish<typename work_type::exponent>(work.problem, place.head, factor,
                                                                               sum_of_row(work.memory, row));
        store_lse(args, work.item.sequence, place, result.lse);
        factor = result.scale;
    }
    block_barrier();
    float scale[work_type::out_type::SLOTS];
    work.get_factors(scale);
#pragma unroll
    for (int number = 0; number < INSTANCE::VALUE_SLABS; number++) {
        const int32_t column = number * INSTANCE::COLUMNS + grid::column();
        scale_rows(work.out[number], scale);
        store_sums_to_rows<typename INSTANCE::T>(
            work.out[number], work.item.rows - grid::row(), work.problem.value_dim - column, [&](int32_t of_warp) {
                return work.shared.out_rows[grid::row() + of_warp] + column * (int)sizeof(typename INSTANCE::T);
            });
    }
}

/* This part's sums into the workspace. */
template <typename INSTANCE> GPU_DEVICE void store_own_partial(wide_forward_work<INSTANCE> &work)
{
    using grid = typename INSTANCE::out;
    using out_type = typename grid::sums;
    const row_partials to = partials_of(work.args, work.item, work.item.part, 1);
    const int32_t thread_row = thread_index();
    if (thread_row < work.item.rows) {
        to.maximum[thread_row] = work.memory.factors()[thread_row];
        to.sum[thread_row] = sum_of_row(work.memory, thread_row);
    }
#pragma unroll
    for (int number = 0; number < INSTANCE::VALUE_SLABS; number++)
        work.out[number].for_each_run([&](int slot, int column_of_warp, const float *run) {
            const int32_t row = grid::row() + out_type::slot_row(slot);
            const int32_t column = number * INSTANCE::COLUMNS + grid::column() + column_of_warp;
            if (row >= work.item.rows || column >= work.problem.value_dim)
                return;
#pragma unroll
            for (int i = 0; i < out_type::RUN; i++)
                to.out[row * to.out_stride + column + i] = run[i];
        });
}

template <typename INSTANCE> GPU_DEVICE void wide_forward_finish(wide_forward_work<INSTANCE> &work)
{
    using exponent = typename wide_forward_work<INSTANCE>::exponent;
    const forward_arguments &args = work.args;
    const forward_item &item = work.item;
    share_sums(work);
    if (item.parts == 1) {
        finish_whole(work);
        return;
    }
    store_own_partial(work);
    if (arrive_last(args, item, &work.shared.arrivals))
        finish_partials<exponent, INSTANCE::THREADS>(args, item, rows_of_item{work.shared},
                                                     partials_of(args, item, 0, item.parts), thread_index());
}

#endif
