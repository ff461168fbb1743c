/* From the sums of a tile to out and lse. WORK is group_forward_work. */
#ifndef VARLEN_GPU_WARP_GROUPS_FORWARD_RESULTS_H
#define VARLEN_GPU_WARP_GROUPS_FORWARD_RESULTS_H

#include "rows/partials.h"
#include "warp_groups/forward_tile.h"

GPU_DEVICE int32_t thread_of_group()
{
    return thread_index() % GROUP;
}

template <typename INSTANCE> GPU_DEVICE void store_out(group_forward_work<INSTANCE> &work)
{
    using matrix = typename INSTANCE::out_matrix;
    const matrix tile = INSTANCE::out(work.queries.place);
    group_barrier(work); /* no warp multiplies these queries any more */
    group_store(tile, 0, 0, work.out);
    fence_shared();
    group_barrier(work);
    if (thread_of_group() == 0)
        store_row_tile(work, work.args.out, work.problem.value_dim, tile);
}

template <typename WORK> GPU_DEVICE void finish_rows(WORK &work)
{
    float scale[WORK::SLOTS];
#pragma unroll
    for (int slot = 0; slot < WORK::SLOTS; slot++) {
        const int32_t row = WORK::out_type::slot_row(slot);
        const query_row place = work.row_at(row);
        const row_result result = softmax_finish<typename WORK::exponent>(
            work.problem, place.head, work.state.maximum[slot], work.state.sum[slot]);
        if (WORK::out_type::first_lane() && row < work.rows)
            store_lse(work.args.call, work.item->sequence, place, result.lse);
        scale[slot] = result.scale;
    }
    scale_rows(work.out, scale);
    store_out(work);
}

/* ---- Tiles whose keys are split ----------------------------------------------------------------------------------
 */

/* What finish_partials asks, of any WORK that knows its rows. */
template <typename WORK> struct tile_rows_of {
    const WORK &work;

    GPU_DEVICE query_row at(int32_t row) const
    {
        return work.row_at(row);
    }

    GPU_DEVICE char *out(int32_t row) const
    {
        const query_row place = at(row);
        return tensor_row(work.args.call.out, (int64_t)work.item->sequence.first_query + place.query, place.head);
    }
};

/* This part's sums into the workspace. */
template <typename WORK> GPU_DEVICE void store_own_partial(WORK &work)
{
    const row_partials to = partials_of(work.args.call, *work.item, work.item->part, 1);
    work.out.for_each_run([&](int slot, int column, const float *run) {
        const int32_t row = WORK::out_type::slot_row(slot);
        if (row < work.rows && column < work.problem.value_dim) {
            to.out[row * to.out_stride + column] = run[0];
            to.out[row * to.out_stride + column + 1] = run[1];
        }
    });
#pragma unroll
    for (int slot = 0; slot < WORK::SLOTS; slot++) {
        const int32_t row = WORK::out_type::slot_row(slot);
        if (WORK::out_type::first_lane() && row < work.rows) {
            to.maximum[row] = work.state.maximum[slot];
            to.sum[row] = work.state.sum[slot];
        }
    }
}

/* As arrive_last, by a group. */
template <typename WORK> GPU_DEVICE bool group_arrives_last(WORK &work)
{
    const forward_item &item = *work.item;
    int32_t &arrivals = work.shared.arrivals[work.group];
    fence();
    group_barrier(work);
    if (thread_of_group() == 0)
        arrivals = atomic_add(&work.args.call.plan.arrivals[first_partial(work.problem, item)], 1);
    group_barrier(work);
    fence();
    return arrivals == item.parts - 1;
}

/* All warps of the group have met since they multiplied the tile's queries. */
template <typename WORK> GPU_DEVICE void finish_part(WORK &work)
{
    const forward_item &item = *work.item;
    store_own_partial(work);
    if (group_arrives_last(work))
        finish_partials<typename WORK::exponent, GROUP>(work.args.call, item, tile_rows_of<WORK>{work},
                                                        partials_of(work.args.call, item, 0, item.parts),
                                                        thread_of_group());
}

/* The next tile of the group may begin. */
template <typename INSTANCE> GPU_DEVICE void group_forward_finish(group_forward_work<INSTANCE> &work)
{
    if (work.item->parts == 1)
        finish_rows(work);
    else
        finish_part(work);
    work.next_queries();
}

#endif
