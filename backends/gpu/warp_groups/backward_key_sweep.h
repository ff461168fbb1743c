/* Backward attention of one tile of keys where dq is found by another kernel (dq_tile.h). Groups have nothing to do
 * with each other: each goes through the chunks that see keys of its own.
 *
 *     begin S^T = K Q^T, dK += dS^T Q of the chunk behind it, then dP^T = V dO^T
 *     wait for S; P = exp2(S - lse)                           beside dK and dP
 *     wait for dK; begin dV += P^T dO
 *     wait for dP; dS = P * (dP - delta), rounded             beside dV
 *     wait for dV
 *
 * Nothing is under way where the loop begins again. WORK is group_backward_work. */
#ifndef VARLEN_GPU_WARP_GROUPS_BACKWARD_KEY_SWEEP_H
#define VARLEN_GPU_WARP_GROUPS_BACKWARD_KEY_SWEEP_H

#include "warp_groups/backward_layout.h"

/* Chunks whose rows see some key of a group's own; and those whose rows see all of them. */
struct own_chunks {
    gpu_span seen;
    gpu_span whole;
};

template <typename WORK> GPU_DEVICE own_chunks find_own_chunks(const WORK &work)
{
    using INSTANCE = typename WORK::instance;
    const backward_item &item = *work.item;
    const int32_t first = INSTANCE::score_key(work.group);
    const int32_t keys = smaller(item.keys - first, (int32_t)TILE_ROWS);
    if (keys <= 0)
        return {{item.end_chunk, item.end_chunk}, {0, 0}};
    const int32_t key = item.first_key + first;
    const int32_t queries = work.args.chunk_queries;
    const gpu_span some = band_mask::queries_that_see(work.problem, item.sequence, key, key + keys);
    const gpu_span all = band_mask::queries_that_see_all(work.problem, item.sequence, key, key + TILE_ROWS);
    own_chunks own = {
        {larger(some.begin / queries, item.first_chunk), smaller(divide_up(some.end, queries), item.end_chunk)},
        {0, 0}};
    if (own.seen.begin >= own.seen.end)
        own.seen = {item.end_chunk, item.end_chunk};
    if (keys == TILE_ROWS)
        own.whole = {divide_up(all.begin, queries), all.end / queries};
    return own;
}

/* Chunks that see none of the group's keys. */
template <typename WORK> GPU_DEVICE void pass_chunks_by(WORK &work, int32_t chunks)
{
    for (int32_t n = 0; n < chunks; n++) {
        stage_barriers &queries = work.shared.queries[work.rows.stage];
        stage_barriers &douts = work.shared.douts[work.rows.stage];
        queries.full.wait(work.rows.parity);
        queries.empty.arrive();
        douts.full.wait(work.rows.parity);
        douts.leave();
        work.rows.advance();
    }
}

/* dV and dS^T of a chunk; beside them, unless it is the FIRST, dK of the one behind it, whose dS^T `rounded` is. By the
 * general rule, which takes registers, dP begins when there are weights. */
template <bool FIRST, typename WORK>
GPU_DEVICE void find_gradients(WORK &work, typename WORK::operand_type &rounded, int32_t chunk, const gpu_span &whole,
                               int32_t behind)
{
    constexpr bool GENERAL = WORK::instance::GENERAL;
    const int32_t stage = warp_first(work.rows.stage);
    const auto part = work.part_of(chunk, stage);
    typename WORK::scores_type scores;
    typename WORK::scores_type gradients;
    typename WORK::operand_type weights;
    work.begin_scores(scores);
    if constexpr (!FIRST)
        work.begin_dk(rounded, behind);
    if constexpr (!GENERAL)
        work.begin_gradients(gradients);
    if constexpr (FIRST)
        work.leave_keys();
    products_wait<(FIRST ? 0 : 1) + (GENERAL ? 0 : 1)>(scores);
    work.weigh(weights, scores, part, chunk >= whole.begin && chunk < whole.end, [&] {
        if constexpr (!FIRST) {
            products_wait<1>(work.dk, rounded);
            work.shared.queries[behind].empty.arrive();
        }
    });
    if constexpr (GENERAL)
        work.begin_gradients(gradients);
    work.begin_dv(weights, stage);
    products_wait<1>(gradients);
    work.steps.differentiate(gradients, scores, part);
    group_round(rounded, gradients);
    products_wait<0>(work.dv, weights);
    work.shared.douts[stage].leave();
    work.rows.advance();
}

template <typename WORK> GPU_DEVICE void finish_dk(WORK &work, typename WORK::operand_type &rounded, int32_t stage)
{
    work.begin_dk(rounded, stage);
    products_wait<0>(work.dk, rounded);
    work.shared.queries[stage].empty.arrive();
}

/* dK of a chunk is found beside S of the next. There is one at least. */
template <typename WORK> GPU_DEVICE void multiply_seen_chunks(WORK &work, const own_chunks &own)
{
    typename WORK::operand_type rounded;
    int32_t behind = warp_first(work.rows.stage);
    find_gradients<true>(work, rounded, own.seen.begin, own.whole, behind);
    for (int32_t chunk = own.seen.begin + 1; chunk < own.seen.end; chunk++) {
        const int32_t stage = warp_first(work.rows.stage);
        find_gradients<false>(work, rounded, chunk, own.whole, behind);
        behind = stage;
    }
    finish_dk(work, rounded, behind);
}

/* The same by the general rule: before S of the next, for want of registers. */
template <typename WORK> GPU_DEVICE void multiply_seen_chunks_in_order(WORK &work, const own_chunks &own)
{
    for (int32_t chunk = own.seen.begin; chunk < own.seen.end; chunk++) {
        typename WORK::operand_type rounded;
        const int32_t stage = warp_first(work.rows.stage);
        find_gradients<true>(work, rounded, chunk, own.whole, stage);
        finish_dk(work, rounded, stage);
    }
}

template <typename WORK> GPU_DEVICE void multiply_chunks_of_own_keys(WORK &work)
{
    const own_chunks own = find_own_chunks(work);
    pass_chunks_by(work, own.seen.begin - work.item->first_chunk);
    if constexpr (WORK::instance::GENERAL)
        multiply_seen_chunks_in_order(work, own);
    else if (own.seen.begin < own.seen.end)
        multiply_seen_chunks(work, own);
    pass_chunks_by(work, work.item->end_chunk - own.seen.end);
}

#endif
