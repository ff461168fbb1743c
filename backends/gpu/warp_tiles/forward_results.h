/* From the sums of an item's rows to out and lse. WORK is forward_work. */
#ifndef VARLEN_GPU_FORWARD_RESULTS_H
#define VARLEN_GPU_FORWARD_RESULTS_H

#include "rows/partials.h"
#include "rows/stored_sums.h"
#include "warp_tiles/forward_layout.h"
#include "warp_tiles/tile_copies.h"

/* For layouts whose warps share rows: what each holds of them, in shared memory. */
template <typename WORK> GPU_DEVICE row_partials gather_partials(WORK &work)
{
    using layout = typename WORK::layout;
    constexpr int stride = WORK::memory_type::MERGE_STRIDE;
    constexpr int rows = layout::ROWS;
    float *out = work.memory.merge();
    float *maximum = out + layout::KEY_WARPS * rows * stride;
    float *sum = maximum + layout::KEY_WARPS * rows;
    const int warp = thread_index() / WARP;
    block_barrier(); /* keys and values are no longer needed */
    if (warp < layout::ROW_WARPS * layout::KEY_WARPS) {
        const int first = warp / layout::ROW_WARPS * rows + work.warp_row;
        work.out.for_each_run([&](int slot, int column, float *run) {
#pragma unroll
            for (int i = 0; i < WORK::out_type::RUN; i++)
                out[(first + work.out.slot_row(slot)) * stride + column + i] = run[i];
        });
        if (sums_first_lane())
#pragma unroll
            for (int slot = 0; slot < WORK::SLOTS; slot++) {
                maximum[first + work.out.slot_row(slot)] = work.state.maximum[slot];
                sum[first + work.out.slot_row(slot)] = work.state.sum[slot];
            }
    }
    block_barrier();
    return {out, maximum, sum, layout::KEY_WARPS, rows, stride};
}

/* What finish_partials asks. */
struct rows_of_item {
    const forward_shared &shared;

    GPU_DEVICE const query_row &at(int32_t row) const
    {
        return shared.rows[row];
    }

    GPU_DEVICE char *out(int32_t row) const
    {
        return shared.out_rows[row];
    }
};

template <typename WORK> GPU_DEVICE void finish_merged(WORK &work)
{
    using exponent = typename WORK::exponent;
    constexpr int threads = WORK::layout::THREADS;
    const forward_arguments &args = work.args;
    const forward_item &item = work.item;
    const rows_of_item rows = {work.shared};
    const row_partials partials = gather_partials(work);
    if (item.parts == 1) {
        finish_partials<exponent, threads>(args, item, rows, partials, thread_index());
        return;
    }
    store_partial<threads>(args, item, partials);
    if (arrive_last(args, item, &work.shared.arrivals))
        finish_partials<exponent, threads>(args, item, rows, partials_of(args, item, 0, item.parts), thread_index());
}

/* Whether this warp has rows; the others have only helped to copy. */
template <typename WORK> GPU_DEVICE bool owns_rows()
{
    return thread_index() / WARP < WORK::layout::ROW_WARPS;
}

/* Rows of a warp's sums into out: whole lines, by way of shared memory. */
template <typename WORK> GPU_DEVICE void store_out_by_shared_memory(WORK &work)
{
    block_barrier(); /* q is no longer needed */
    auto tile = work.memory.out();
    if (owns_rows<WORK>())
        store_sums(tile, work.warp_row, 0, work.out);
    block_barrier();
    using shares = copy_shares<WORK::layout::THREADS, WORK::layout::ROWS>;
    for (int32_t row = shares::first_row(); row < work.item.rows; row += shares::AT_ONCE) {
        char *to = work.shared.out_rows[row];
        for (int32_t column = shares::column(); column < work.args.problem.value_dim; column += 64)
            store_16(to + column * (int)sizeof(typename WORK::T), *(const words_16 *)tile.piece(row, column));
    }
}

/* The same, from the threads that hold them. */
template <typename WORK> GPU_DEVICE void store_out(WORK &work)
{
    if (!owns_rows<WORK>() || work.warp_row >= work.item.rows)
        return;
    store_sums_to_rows<typename WORK::T>(work.out, work.item.rows - work.warp_row, work.args.problem.value_dim,
                                         [&](int32_t row) { return work.shared.out_rows[work.warp_row + row]; });
}

/* For layouts whose warps each own their rows. */
template <typename WORK> GPU_DEVICE void finish_owned(WORK &work)
{
    const forward_arguments &args = work.args;
    const gpu_problem &problem = args.problem;
    const forward_item &item = work.item;
    float scale[WORK::SLOTS];
#pragma unroll
    for (int slot = 0; slot < WORK::SLOTS; slot++) {
        int32_t row = work.warp_row + work.out.slot_row(slot);
        query_row place = work.row_of_slot(slot);
        const row_result result = softmax_finish<typename WORK::exponent>(problem, place.head, work.state.maximum[slot],
                                                                          work.state.sum[slot]);
        if (owns_rows<WORK>() && sums_first_lane() && row < item.rows)
            store_lse(args, item.sequence, place, result.lse);
        scale[slot] = result.scale;
    }
    scale_rows(work.out, scale);
    if constexpr (WORK::TUNING.out_by_shared_memory)
        store_out_by_shared_memory(work);
    else
        store_out(work);
}

#endif
