/* Forward attention of one tile by two groups that have half of the value columns each. Chunks of keys go by pairs,
 * from the last on, and so that one group weighs while the other multiplies (the order of DeepSeek's FlashMLA):
 *
 *     first group, odd chunk c                     second group, even chunk c - 1
 *     S = Q K^T of c
 *     P = its weights; P to shared memory          S = Q K^T of c - 1
 *     O += P V of c                                begin O += P V of c; P' = weights of c - 1
 *                                                  P' to shared memory
 *     O += P' V of c - 1                           O += P' V of c - 1
 *
 * Either group follows the maxima of all rows: each chunk's weights come with what they have made of them. Chunks are
 * weighed in their order, whoever does it, and a chunk is always the same group's, so that a row's bits do not depend
 * on the rows it shares a tile with. */
#ifndef VARLEN_GPU_WARP_GROUPS_LATENT_TILE_H
#define VARLEN_GPU_WARP_GROUPS_LATENT_TILE_H

#include "warp_groups/forward_mask.h"
#include "warp_groups/latent_layout.h"
#include "warp_groups/row_tiles.h"

template <typename INSTANCE> struct latent_work {
    using T = typename INSTANCE::T;
    using rule = typename INSTANCE::rule;
    using exponent = typename rule::template exponent<T>;
    using scores_type = group_sums<INSTANCE::CHUNK_KEYS>;
    using weights_type = group_operand<T, INSTANCE::CHUNK_KEYS>;
    using out_type = group_sums<INSTANCE::HALF_DIM>;
    static constexpr int CHUNK_KEYS = INSTANCE::CHUNK_KEYS;
    static constexpr int SLOTS = out_type::SLOTS;
    static constexpr int LAG = 8;  /* of softmax_weigh */
    static constexpr int PAIR = 1; /* number of a named barrier of both groups */
    static constexpr int MET = 2;  /* that of the warps of the first group; the second's is the next */

    const latent_arguments &args;
    const gpu_problem &problem;
    latent_shared<INSTANCE> &shared;
    const int32_t group; /* also the half of the columns that it has */
    int32_t behind = 0;  /* chunks of all items before this one */
    int32_t queries_parity = 0;
    int32_t told_parity = 0; /* of the other group */
    const forward_item *item;
    gpu_span chunks; /* that the tile sees */
    gpu_span common; /* keys that all of its rows see */
    out_type out;
    softmax_state<SLOTS> state;

    GPU_DEVICE latent_work(const latent_arguments &arguments, latent_shared<INSTANCE> &its_shared, int32_t its_group)
        : args(arguments), problem(arguments.call.problem), shared(its_shared), group(its_group)
    {
    }

    /* ---- Rows of the tile, which is all of an item ----------------------------------------------------------------
     */

    GPU_DEVICE void find_tile(const forward_item &its_item)
    {
        item = &its_item;
        chunks = chunks_of<CHUNK_KEYS>(item->keys);
        const gpu_span all =
            rule::mask::keys_seen_by_all(problem, item->sequence, divide(item->first_row, problem.group),
                                         divide(item->first_row + item->rows - 1, problem.group) + 1);
        common = {larger(all.begin, item->keys.begin), smaller(all.end, item->keys.end)};
    }

    /* Past the tile's end, the last one. */
    GPU_DEVICE query_row row_at(int32_t row) const
    {
        return query_row_at(problem, item->kv_head, item->first_row + smaller(row, item->rows - 1));
    }

    /* Of keys that the tile sees, those that a row does. */
    GPU_DEVICE gpu_span keys_of_row(int32_t row) const
    {
        const int32_t query = row_at(row).query;
        const gpu_span own = rule::mask::keys_seen_by(problem, item->sequence, query, query + 1);
        return {larger(own.begin, item->keys.begin), smaller(own.end, item->keys.end)};
    }

    GPU_DEVICE bool all_see(int32_t first) const
    {
        return first >= common.begin && first + CHUNK_KEYS <= common.end;
    }

    /* ---- Places ---------------------------------------------------------------------------------------------------
     */

    GPU_DEVICE int32_t number_of(int32_t chunk) const
    {
        return behind + chunks.end - 1 - chunk;
    }

    /* The same for the warp, which the compiler must know to keep addresses of matrices in few registers. */
    GPU_DEVICE latent_place keys_of(int32_t chunk) const
    {
        const latent_place place = place_of_keys(args, number_of(chunk));
        return {warp_first(place.stage), place.parity};
    }

    GPU_DEVICE latent_place values_of(int32_t chunk) const
    {
        const latent_place place = place_of_values(args, number_of(chunk));
        return {warp_first(place.stage), place.parity};
    }

    GPU_DEVICE void await_panel(const latent_place &place, int32_t panel)
    {
        shared.full[place.stage][panel].wait(place.parity);
    }

    /* The warp is done with half a place, all of its threads. */
    GPU_DEVICE void leave(const latent_place &place, int32_t which)
    {
        warp_barrier();
        if (group_lane() == 0)
            shared.empty[place.stage][which].arrive();
    }

    /* The same when it has not been told that the half has been filled. */
    GPU_DEVICE void pass_by(const latent_place &place, int32_t which)
    {
        await_panel(place, which * INSTANCE::HALF_PANELS);
        leave(place, which);
    }

    /* Keys that are no values either. */
    GPU_DEVICE void leave_keys(int32_t chunk)
    {
        if (args.values_in_keys)
            return;
        for (int which = 0; which < INSTANCE::HALVES; which++)
            pass_by(keys_of(chunk), which);
    }

    /* ---- Scores and weights ---------------------------------------------------------------------------------------
     */

    /* Panels are multiplied as they come. */
    GPU_DEVICE void begin_scores(scores_type &scores, int32_t chunk)
    {
        using matrix = typename INSTANCE::key_matrix;
        const latent_place place = keys_of(chunk);
        const auto queries = INSTANCE::queries();
        const auto keys = INSTANCE::keys(place.stage);
#pragma unroll
        for (int panel = 0; panel < INSTANCE::PANELS; panel++) {
            const int column = panel * matrix::PANEL;
            await_panel(place, panel);
            products_fence();
            const auto left = by_rows(queries, 0, column);
            group_steps<matrix::PANEL>(scores, left, by_rows(keys, 0, column), panel > 0);
        }
        products_commit();
    }

    using score_rows = tile_score_rows<latent_work, out_type>;

    GPU_DEVICE void weigh(scores_type &scores, int32_t chunk, float (&rescale)[SLOTS])
    {
        const int32_t first = chunk * CHUNK_KEYS;
        const bool plain = all_see(first);
        if (!plain)
            mask_group_scores(scores, score_rows{*this, problem, item->sequence, first});
        if (plain && softmax_weigh_in_place<exponent, LAG>(scores, state, problem)) {
#pragma unroll
            for (int slot = 0; slot < SLOTS; slot++)
                rescale[slot] = 1.0f;
        } else {
            softmax_weigh<exponent, LAG>(scores, state, rescale, problem);
        }
    }

    /* A chunk's weights, and what they have made of the rows' maxima, for the other group. */
    GPU_DEVICE void tell(weights_type &weights, int32_t chunk, const float (&rescale)[SLOTS])
    {
        const latent_place place = values_of(chunk);
        await_panel(place, INSTANCE::WEIGHTS_PANEL);
        named_barrier_wait(MET + group, GROUP); /* no warp multiplies keys where the weights go */
        group_store(INSTANCE::weights(place.stage), 0, 0, weights);
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++)
            if (out_type::first_lane())
                shared.rows[group][out_type::slot_row(slot)] = {state.maximum[slot], rescale[slot]};
        fence_shared();
        leave(place, 1 - group);
        shared.told[group].arrive();
    }

    /* Until the other group has told something. Each of its threads arrives for itself, so that nothing but these
     * barriers orders what groups write for each other. */
    GPU_DEVICE void await_other()
    {
        shared.told[1 - group].wait(told_parity);
        told_parity ^= 1;
    }

    /* The other group's weights of a chunk are there. */
    GPU_DEVICE void hear()
    {
        await_other();
        float rescale[SLOTS];
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++) {
            const latent_row row = shared.rows[1 - group][out_type::slot_row(slot)];
            state.maximum[slot] = row.maximum;
            rescale[slot] = row.rescale;
            state.sum[slot] *= rescale[slot];
        }
        softmax_rescale(out, rescale);
    }

    /* ---- Values ---------------------------------------------------------------------------------------------------
     */

    template <typename LEFT> GPU_DEVICE void begin_values(LEFT &&weights, const latent_place &place)
    {
#pragma unroll
        for (int panel = 0; panel < INSTANCE::HALF_PANELS; panel++)
            await_panel(place, group * INSTANCE::HALF_PANELS + panel);
        products_fence();
        group_multiply_add<CHUNK_KEYS>(
            out, weights, by_columns(INSTANCE::values(place.stage), 0, warp_first(group) * INSTANCE::HALF_DIM));
        products_commit();
    }

    /* By weights of the other group. Where these are not in its half of the place, the second group is done with the
     * first half at once. */
    GPU_DEVICE void begin_other(int32_t chunk)
    {
        const latent_place place = values_of(chunk);
        if (group == 1)
            pass_by(place, 0);
        begin_values(by_rows(INSTANCE::weights(place.stage)), place);
    }

    GPU_DEVICE void end_other(int32_t chunk)
    {
        const latent_place place = values_of(chunk);
        products_wait<0>(out);
        if (group == 0)
            leave(place, 1);
        leave(place, group);
    }

    GPU_DEVICE void multiply_own(weights_type &weights, int32_t chunk, const float (&rescale)[SLOTS])
    {
        const latent_place place = values_of(chunk);
        softmax_rescale(out, rescale);
        begin_values(weights, place);
        products_wait<0>(out, weights);
        leave(place, group);
    }

    /* ---- Chunks ---------------------------------------------------------------------------------------------------
     */

    GPU_DEVICE void multiply_other(int32_t chunk)
    {
        leave_keys(chunk);
        hear();
        begin_other(chunk);
        end_other(chunk);
    }

    /* A chunk of this group; OTHER: while the one behind it, of the other group, is multiplied. */
    template <bool OTHER> GPU_DEVICE void multiply_chunk(int32_t chunk)
    {
        scores_type scores;
        weights_type weights;
        float rescale[SLOTS];
        if constexpr (OTHER)
            leave_keys(chunk + 1);
        begin_scores(scores, chunk);
        if constexpr (OTHER) {
            hear();
            begin_other(chunk + 1);
        }
        products_wait<OTHER ? 1 : 0>(scores);
        leave_keys(chunk);
        weigh(scores, chunk, rescale);
        if constexpr (OTHER) {
            scores.registers.settle_all();
            end_other(chunk + 1);
        }
        group_round(weights, scores);
        tell(weights, chunk, rescale);
        multiply_own(weights, chunk, rescale);
    }

    /* The first group: its chunk, then the other's. */
    GPU_DEVICE void lead()
    {
        int32_t chunk = chunks.end - 1;
        if (chunk >= chunks.begin && chunk % 2 == 0)
            multiply_other(chunk--);
        for (; chunk >= chunks.begin; chunk -= 2) {
            multiply_chunk<false>(chunk);
            if (chunk > chunks.begin)
                multiply_other(chunk - 1);
        }
    }

    /* The second group: its chunk beside the other's. */
    GPU_DEVICE void follow()
    {
        int32_t chunk = chunks.end - 1;
        if (chunk >= chunks.begin && chunk % 2 == 0)
            multiply_chunk<false>(chunk--);
        for (; chunk > chunks.begin; chunk -= 2)
            multiply_chunk<true>(chunk - 1);
        if (chunk == chunks.begin)
            multiply_other(chunk);
    }

    GPU_DEVICE void pair_barrier()
    {
        named_barrier_wait(PAIR, INSTANCE::HALVES * GROUP);
    }

    /* Sums of weights of both groups' chunks; behind it, no queries are multiplied any more. */
    GPU_DEVICE void add_sums()
    {
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++) {
            state.sum[slot] = out_type::row_sum(state.sum[slot]);
            if (out_type::first_lane())
                shared.sums[group][out_type::slot_row(slot)] = state.sum[slot];
        }
        shared.told[group].arrive();
        await_other();
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++)
            state.sum[slot] += shared.sums[1 - group][out_type::slot_row(slot)];
    }

    GPU_DEVICE void multiply_tile(const forward_item &its_item)
    {
        find_tile(its_item);
        out.clear();
        state.clear();
        shared.queries[0].full.wait(queries_parity);
        queries_parity ^= 1;
        if (group == 0)
            lead();
        else
            follow();
        behind += chunks.end - chunks.begin;
        add_sums();
    }
};

#endif
