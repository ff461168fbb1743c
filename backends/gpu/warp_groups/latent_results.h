/* From the sums of a tile to out and lse. WORK is latent_work. */
#ifndef VARLEN_GPU_WARP_GROUPS_LATENT_RESULTS_H
#define VARLEN_GPU_WARP_GROUPS_LATENT_RESULTS_H

#include "warp_groups/forward_results.h"
#include "warp_groups/latent_tile.h"

/* Of the two groups that compute. */
GPU_DEVICE int32_t thread_of_pair()
{
    return thread_index() - GROUP;
}

/* By one thread, when the tile is where its queries were: boxes end where the sequence does. */
template <typename WORK, typename MATRIX> GPU_DEVICE void store_latent_tile(const WORK &work, const MATRIX &from)
{
    const forward_item &item = *work.item;
    const quotient_and_rest first = divide_with_rest(item.first_row, work.problem.group);
    const int32_t tile_queries = work.args.boxes.tile_queries;
    const int32_t valid = smaller(item.sequence.queries - first.quotient, tile_queries);
#pragma unroll 1
    for (int panel = 0; panel < panels_of<MATRIX>(work.problem.value_dim); panel++)
        store_tensor(work.args.out,
                     {panel * MATRIX::PANEL, first.rest, tile_queries - valid,
                      item.sequence.first_query + first.quotient + valid, item.kv_head},
                     from.panel(panel));
    stores_commit();
    stores_wait_read<0>();
}

template <typename INSTANCE> GPU_DEVICE void finish_latent_rows(latent_work<INSTANCE> &work)
{
    using type = latent_work<INSTANCE>;
    float scale[type::SLOTS];
#pragma unroll
    for (int slot = 0; slot < type::SLOTS; slot++) {
        const int32_t row = type::out_type::slot_row(slot);
        const query_row place = work.row_at(row);
        const row_result result = softmax_finish<typename type::exponent>(
            work.problem, place.head, work.state.maximum[slot], work.state.sum[slot]);
        if (work.group == 0 && type::out_type::first_lane() && row < work.item->rows)
            store_lse(work.args.call, work.item->sequence, place, result.lse);
        scale[slot] = result.scale;
    }
    scale_rows(work.out, scale);
    group_store(INSTANCE::out(), 0, work.group * INSTANCE::HALF_DIM, work.out);
    fence_shared();
    work.pair_barrier();
    if (thread_of_pair() == 0)
        store_latent_tile(work, INSTANCE::out());
}

/* ---- Tiles whose keys are split ----------------------------------------------------------------------------------
 */

/* This part's sums into the workspace. */
template <typename INSTANCE> GPU_DEVICE void store_latent_partial(latent_work<INSTANCE> &work)
{
    using type = latent_work<INSTANCE>;
    const row_partials to = partials_of(work.args.call, *work.item, work.item->part, 1);
    const int32_t first = work.group * INSTANCE::HALF_DIM;
    work.out.for_each_run([&](int slot, int column, const float *run) {
        const int32_t row = type::out_type::slot_row(slot);
        if (row < work.item->rows && first + column < work.problem.value_dim) {
            to.out[row * to.out_stride + first + column] = run[0];
            to.out[row * to.out_stride + first + column + 1] = run[1];
        }
    });
#pragma unroll
    for (int slot = 0; slot < type::SLOTS; slot++) {
        const int32_t row = type::out_type::slot_row(slot);
        if (work.group == 0 && type::out_type::first_lane() && row < work.item->rows) {
            to.maximum[row] = work.state.maximum[slot];
            to.sum[row] = work.state.sum[slot];
        }
    }
}

/* As arrive_last, by both groups. */
template <typename WORK> GPU_DEVICE bool pair_arrives_last(WORK &work)
{
    const forward_item &item = *work.item;
    fence();
    work.pair_barrier();
    if (thread_of_pair() == 0)
        work.shared.arrivals = atomic_add(&work.args.call.plan.arrivals[first_partial(work.problem, item)], 1);
    work.pair_barrier();
    fence();
    return work.shared.arrivals == item.parts - 1;
}

template <typename INSTANCE> GPU_DEVICE void finish_latent_part(latent_work<INSTANCE> &work)
{
    using type = latent_work<INSTANCE>;
    const forward_item &item = *work.item;
    store_latent_partial(work);
    if (pair_arrives_last(work))
        finish_partials<typename type::exponent, INSTANCE::HALVES * GROUP>(
            work.args.call, item, tile_rows_of<type>{work}, partials_of(work.args.call, item, 0, item.parts),
            thread_of_pair());
}

/* Then queries of the next tile may come. */
template <typename INSTANCE> GPU_DEVICE void latent_finish(latent_work<INSTANCE> &work)
{
    if (work.item->parts == 1)
        finish_latent_rows(work);
    else
        finish_latent_part(work);
    if (thread_of_pair() == 0)
        work.shared.queries[0].empty.arrive();
}

#endif
