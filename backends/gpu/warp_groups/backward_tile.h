/* Backward attention of one tile of keys by groups of warps, each with keys of its own (Shah et al., FlashAttention-3,
 * 2024). For each chunk of rows:
 *
 *     begin S^T = K Q^T, then dP^T = V dO^T
 *     wait for S; P = exp2(S - lse)                           beside dP
 *     begin dV += P^T dO
 *     wait for dP; dS = P * (dP - delta), to shared memory    beside dV
 *     wait for the dS of all groups
 *     begin dQ = dS K, then dK += dS^T Q
 *     wait for dQ, hand it over                               beside dK
 *
 * Transposed sums of S and dP, rounded, are left operands of dV and dK as they lie in registers. */
#ifndef VARLEN_GPU_WARP_GROUPS_BACKWARD_TILE_H
#define VARLEN_GPU_WARP_GROUPS_BACKWARD_TILE_H

#include "warp_groups/backward_dq.h"
#include "warp_groups/backward_key_sweep.h"
#include "warp_groups/backward_scores.h"

/* Named barriers at which all groups meet: in a chunk, that of its stage, whose next rows come only when all have left
 * this one; and with dK and dV. */
constexpr int CHUNK_BARRIERS = 8;
constexpr int RESULTS_BARRIER = 15;

template <typename INSTANCE> struct group_backward_work {
    using instance = INSTANCE;
    using T = typename INSTANCE::T;
    static constexpr int ROWS = INSTANCE::ROWS;
    static constexpr int STAGES = INSTANCE::STAGES;
    using scores_type = group_sums<INSTANCE::SCORE_ROWS>;
    using operand_type = group_operand<T, INSTANCE::SCORE_ROWS>;
    using dq_type = group_sums<INSTANCE::DQ_COLUMNS>;

    const group_backward_arguments &args;
    const gpu_problem &problem;
    group_backward_shared<INSTANCE> &shared;
    const int32_t group;                   /* 0 .. GROUPS - 1 */
    stage_turn<STAGES> rows;               /* whose S is begun next */
    int32_t dq_parity = 0;                 /* of the place for dQ */
    stage_turn<INSTANCE::KEY_STAGES> keys; /* and values, of the item */
    int32_t storing = -1;                  /* the stage of keys in whose place dk and dv are, until they are stored */
    const backward_item *item;
    column_steps<INSTANCE> steps;
    group_sums<INSTANCE::DK_COLUMNS> dk;
    group_sums<INSTANCE::DV_COLUMNS> dv;

    GPU_DEVICE group_backward_work(const group_backward_arguments &arguments,
                                   group_backward_shared<INSTANCE> &its_shared, int32_t its_group)
        : args(arguments), problem(arguments.call.problem), shared(its_shared), group(its_group), steps(problem)
    {
    }

    GPU_DEVICE typename INSTANCE::key_matrix keys_of_item() const
    {
        return INSTANCE::keys(warp_first(keys.stage));
    }

    GPU_DEVICE typename INSTANCE::value_matrix values_of_item() const
    {
        return INSTANCE::values(warp_first(keys.stage));
    }

    /* The places of the last tile's keys and values may be written over, when dk and dv have been read. The thread that
     * stores waits; the others of the group are at work. */
    GPU_DEVICE void leave_keys()
    {
        if (storing >= 0 && thread_index() % GROUP == 0) {
            stores_wait_read<0>();
            shared.keys[storing].empty.arrive();
            shared.values[storing].empty.arrive();
        }
        storing = -1;
    }

    /* All computing threads, when a chunk's dS is there. ALONE: all of it is this group's, which waits for itself. */
    template <bool ALONE = false> GPU_DEVICE void meet_groups(int32_t stage) const
    {
        constexpr int32_t threads = INSTANCE::GROUPS * GROUP;
        if constexpr (ALONE) {
            named_barrier_arrive(CHUNK_BARRIERS + stage, threads);
            group_barrier(*this);
        } else {
            named_barrier_wait(CHUNK_BARRIERS + stage, threads);
        }
    }

    /* All computing threads, when the tile's keys have been multiplied. */
    GPU_DEVICE static void meet_with_results()
    {
        named_barrier_wait(RESULTS_BARRIER, INSTANCE::GROUPS * GROUP);
    }

    GPU_DEVICE void begin_scores(scores_type &scores)
    {
        const int32_t stage = warp_first(rows.stage);
        shared.queries[stage].full.wait(rows.parity);
        products_fence();
        group_multiply<INSTANCE::HEAD_DIM>(scores, by_rows(keys_of_item(), INSTANCE::score_key(group)),
                                           by_rows(INSTANCE::queries(stage), INSTANCE::score_row(group)));
        products_commit();
    }

    GPU_DEVICE void begin_gradients(scores_type &gradients)
    {
        const int32_t stage = warp_first(rows.stage);
        shared.douts[stage].full.wait(rows.parity);
        products_fence();
        group_multiply<INSTANCE::VALUE_DIM>(gradients, by_rows(values_of_item(), INSTANCE::score_key(group)),
                                            by_rows(INSTANCE::douts(stage), INSTANCE::score_row(group)));
        products_commit();
    }

    template <typename LEFT> GPU_DEVICE void begin_dv(LEFT &&weights, int32_t stage)
    {
        products_fence();
        group_multiply_add<ROWS>(dv, weights, by_columns(INSTANCE::douts(stage), 0, INSTANCE::dv_column(group)));
        products_commit();
    }

    template <typename LEFT> GPU_DEVICE void begin_dk(LEFT &&gradients, int32_t stage)
    {
        products_fence();
        group_multiply_add<ROWS>(dk, gradients, by_columns(INSTANCE::queries(stage), 0, INSTANCE::dk_column(group)));
        products_commit();
    }

    /* Of so many of the tile's keys. */
    template <int KEYS> GPU_DEVICE void begin_dq(dq_type &dq, int32_t stage)
    {
        products_fence();
        group_multiply<KEYS>(dq, by_columns(INSTANCE::gradients(stage), 0, INSTANCE::dq_row(group)),
                             by_columns(keys_of_item(), 0, INSTANCE::dq_column(group)));
        products_commit();
    }

    /* Products become weights, for whose operand there is room when `make_room` has been called. */
    template <typename F>
    GPU_DEVICE void weigh(operand_type &weights, scores_type &scores, const backward_part<INSTANCE> &part,
                          bool all_are_seen, F make_room)
    {
        if (!(part.spans ? part.all_rows_see(part.first_key_of_group(), TILE_ROWS) : all_are_seen))
            mask_columns(scores, part);
        steps.weigh(weights, scores, part, make_room);
    }

    GPU_DEVICE void weigh(operand_type &weights, scores_type &scores, const backward_part<INSTANCE> &part,
                          int32_t chunk)
    {
        weigh(weights, scores, part, chunk >= item->first_whole && chunk < item->end_whole, [] {});
    }

    GPU_DEVICE backward_part<INSTANCE> part_of(int32_t chunk, int32_t stage) const
    {
        return {problem,
                *item,
                shared.statistics[stage],
                spans_of_chunk<typename INSTANCE::rule>(args.call, *item, chunk),
                group,
                chunk * args.call.cut.chunk_rows + INSTANCE::score_row(group)};
    }

    /* The general rule takes registers, so that dP begins when there are weights. */
    GPU_DEVICE void begin_chunk(scores_type &scores, scores_type &gradients)
    {
        begin_scores(scores);
        if constexpr (!INSTANCE::GENERAL)
            begin_gradients(gradients);
    }

    /* A chunk that has begun. MORE: so does the next, S beside dK. ALONE: no other group has keys of it, and dS. */
    template <bool MORE, bool ALONE>
    GPU_DEVICE void finish_chunk(int32_t chunk, scores_type &scores, scores_type &gradients, scores_type &next_scores,
                                 scores_type &next_gradients)
    {
        const int32_t stage = warp_first(rows.stage);
        const backward_part<INSTANCE> part = part_of(chunk, stage);
        operand_type weights;
        operand_type rounded;
        dq_type dq;
        leave_keys();
        products_wait<INSTANCE::GENERAL ? 0 : 1>(scores);
        weigh(weights, scores, part, chunk);
        if constexpr (INSTANCE::GENERAL)
            begin_gradients(gradients);
        begin_dv(weights, stage);
        products_wait<1>(gradients);
        steps.differentiate(gradients, scores, part);
        group_round(rounded, gradients);
        group_store(INSTANCE::gradients(stage), INSTANCE::score_key(group), 0, rounded);
        fence_shared();
        meet_groups<ALONE>(stage);
        begin_dq<ALONE ? TILE_ROWS : INSTANCE::KEYS>(dq, stage);
        begin_dk(rounded, stage);
        rows.advance();
        products_wait<1>(dv, weights, dq);
        shared.douts[stage].leave();
        hand_over(*this, dq);
        if constexpr (MORE) {
            begin_scores(next_scores);
            products_wait<1>(dk, rounded);
            begin_gradients(next_gradients);
        } else {
            products_wait<0>(dk, rounded);
        }
        shared.queries[stage].empty.arrive();
    }

    template <bool ALONE> GPU_DEVICE void multiply_chunk(int32_t chunk)
    {
        scores_type scores;
        scores_type gradients;
        begin_chunk(scores, gradients);
        finish_chunk<false, ALONE>(chunk, scores, gradients, scores, gradients);
    }

    /* Products that are under way where a loop begins again are serialised by the assembler; within two chunks they are
     * not. */
    GPU_DEVICE void multiply_two_chunks(int32_t chunk)
    {
        scores_type scores;
        scores_type gradients;
        scores_type next_scores;
        scores_type next_gradients;
        begin_chunk(scores, gradients);
        finish_chunk<true, false>(chunk, scores, gradients, next_scores, next_gradients);
        finish_chunk<false, false>(chunk + 1, next_scores, next_gradients, scores, gradients);
    }

    /* A chunk that sees keys of the first group alone: the others' part of dQ. */
    GPU_DEVICE void accompany_chunk()
    {
        const int32_t stage = warp_first(rows.stage);
        dq_type dq;
        leave_keys();
        meet_groups(stage);
        begin_dq<TILE_ROWS>(dq, stage);
        rows.advance();
        shared.queries[stage].empty.arrive();
        shared.douts[stage].leave();
        products_wait<0>(dq);
        hand_over(*this, dq);
    }

    /* ---- Where groups share keys: P goes to shared memory too, and the products begin when both are there. --------
     */

    /* P and dS of this group's rows, from products that have ended. */
    GPU_DEVICE void store_scores(scores_type &scores, scores_type &gradients, int32_t chunk, int32_t stage)
    {
        const backward_part<INSTANCE> part = part_of(chunk, stage);
        operand_type weights;
        weigh(weights, scores, part, chunk);
        group_store(INSTANCE::weights(stage), 0, INSTANCE::score_row(group), weights);
        steps.differentiate(gradients, scores, part);
        group_store(INSTANCE::gradients(stage), 0, INSTANCE::score_row(group), gradients);
        fence_shared();
    }

    /* A chunk whose P and dS this group has stored. MORE: dQ is summed, and P and dS of the next chunk are found beside
     * dV and dK. */
    template <bool MORE> GPU_DEVICE void finish_shared_chunk(int32_t chunk, int32_t stage)
    {
        scores_type scores;
        scores_type gradients;
        dq_type dq;
        const bool summed = dq_is_summed(item->sequence, args.call.cut);
        rows.advance();
        meet_groups(stage);
        begin_dq<INSTANCE::KEYS>(dq, stage);
        begin_dv(by_rows(INSTANCE::weights(stage)), stage);
        products_wait<1>(dq);
        if (MORE || summed)
            add_dq_from_registers(*this, dq, chunk);
        if constexpr (MORE) {
            begin_scores(scores);
            begin_gradients(gradients);
        }
        begin_dk(by_rows(INSTANCE::gradients(stage)), stage);
        if constexpr (MORE)
            products_wait<1>(dv, scores, gradients);
        else
            products_wait<1>(dv);
        shared.douts[stage].leave();
        if constexpr (MORE)
            store_scores(scores, gradients, chunk + 1, warp_first(rows.stage));
        products_wait<0>(dk);
        if (!MORE && !summed)
            store_dq_from_registers(*this, dq, chunk, stage);
        shared.queries[stage].empty.arrive();
    }

    GPU_DEVICE void begin_shared_chunk(int32_t chunk, int32_t stage)
    {
        scores_type scores;
        scores_type gradients;
        begin_scores(scores);
        begin_gradients(gradients);
        leave_keys();
        products_wait<0>(scores, gradients);
        store_scores(scores, gradients, chunk, stage);
    }

    GPU_DEVICE void multiply_chunks_of_shared_keys()
    {
        const bool summed = dq_is_summed(item->sequence, args.call.cut);
        for (int32_t chunk = item->first_chunk; chunk < item->end_chunk; chunk++) {
            if (!summed || chunk == item->first_chunk)
                begin_shared_chunk(chunk, warp_first(rows.stage));
            if (summed && chunk + 1 < item->end_chunk)
                finish_shared_chunk<true>(chunk, warp_first(rows.stage));
            else
                finish_shared_chunk<false>(chunk, warp_first(rows.stage));
        }
    }

    /* ---- Where each has its own -----------------------------------------------------------------------------------
     */

    /* Where the chunks end that see keys of the first group alone: all of a short tile, and the first under a mask. */
    GPU_DEVICE int32_t end_of_few_keys() const
    {
        if (item->keys <= TILE_ROWS)
            return item->end_chunk;
        const gpu_span others = band_mask::queries_that_see(problem, item->sequence, item->first_key + TILE_ROWS,
                                                            item->first_key + item->keys);
        return smaller(others.begin / args.chunk_queries, item->end_chunk);
    }

    /* All chunks of an item. */
    GPU_DEVICE void multiply_chunks()
    {
        const int32_t end = item->end_chunk;
        int32_t chunk = item->first_chunk;
        if constexpr (!INSTANCE::GENERAL) {
            for (const int32_t few = end_of_few_keys(); chunk < few; chunk++) {
                if (group == 0)
                    multiply_chunk<true>(chunk);
                else
                    accompany_chunk();
            }
            for (; chunk + 1 < end; chunk += 2)
                multiply_two_chunks(chunk);
        }
        for (; chunk < end; chunk++)
            multiply_chunk<false>(chunk);
    }

    GPU_DEVICE void multiply_tile(const backward_item &its_item)
    {
        item = &its_item;
        dk.clear();
        dv.clear();
        shared.keys[keys.stage].full.wait(keys.parity);
        shared.values[keys.stage].full.wait(keys.parity);
        if constexpr (!INSTANCE::DQ)
            multiply_chunks_of_own_keys(*this);
        else if constexpr (INSTANCE::SHARED_KEYS)
            multiply_chunks_of_shared_keys();
        else
            multiply_chunks();
        leave_keys(); /* of no rows, nothing has been multiplied */
    }
};

#endif
