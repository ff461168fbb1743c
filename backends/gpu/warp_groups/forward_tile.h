/* Forward attention of one tile by a group of warps: the online softmax of warp_tiles/forward_tile.h, with products
 * that go on while weights are computed (Shah et al., FlashAttention-3, 2024):
 *
 *     S = Q K^T of the last chunk of keys; P = its weights
 *     for each chunk before it:
 *         begin S = Q K^T of this chunk
 *         begin O += P V of the chunk behind it
 *         wait for S; weights of S
 *         wait for O; P = the weights, O is rescaled
 *     O += P V of the first chunk
 *
 * Chunks start at multiples of their size from the sequence's first key, and a key that a row does not see adds exact
 * zeros to it, so that a row's bits do not depend on the rows it shares a tile with. */
#ifndef VARLEN_GPU_WARP_GROUPS_FORWARD_TILE_H
#define VARLEN_GPU_WARP_GROUPS_FORWARD_TILE_H

#include "call/scales.h"
#include "warp_groups/forward_mask.h"
#include "warp_groups/forward_turns.h"
#include "warp_groups/row_tiles.h"

template <typename INSTANCE> struct group_forward_work : row_tiles<INSTANCE, group_forward_arguments> {
    using tiles = row_tiles<INSTANCE, group_forward_arguments>;
    using T = typename INSTANCE::T;
    using rule = typename INSTANCE::rule;
    using exponent = fused_exponent<T>; /* for any rule: there are registers enough */
    static constexpr int CHUNK_KEYS = INSTANCE::CHUNK_KEYS;
    static constexpr int LAG = 8; /* of softmax_weigh */
    static constexpr bool SKIPS_ROWS = INSTANCE::QUANTIZED && std::is_same_v<rule, plain_rule>;
    using out_type = group_sums<INSTANCE::VALUE_DIM>;
    static constexpr int SLOTS = out_type::SLOTS;

    using tiles::args;
    using tiles::await_keys;
    using tiles::await_values;
    using tiles::group;
    using tiles::item;
    using tiles::keys;
    using tiles::keys_done;
    using tiles::leave_queries;
    using tiles::pass_by;
    using tiles::problem;
    using tiles::queries;
    using tiles::seen;
    using tiles::shared;
    using tiles::values;
    using tiles::values_done;

    forward_turns<INSTANCE> turns;
    philox_key dropout;
    out_type out;
    softmax_state<SLOTS> state;
    value_unit<T> unit;    /* of out, where values are quantised */
    int own_slots = SLOTS; /* of this warp, that are rows of the tile: what becomes of others is nobody's */

    GPU_DEVICE group_forward_work(const group_forward_arguments &arguments, group_forward_shared<INSTANCE> &its_shared,
                                  int32_t its_group)
        : tiles(arguments, its_shared, its_group)
    {
        rule::find_key(dropout, problem);
    }

    using score_rows = tile_score_rows<group_forward_work, out_type>;

    GPU_DEVICE int count_own_slots() const
    {
        const int32_t own = this->rows - warp_first(out_type::slot_row(0));
        return own > upper_rows<out_type>::ROWS ? SLOTS : own > 0 ? 1 : 0;
    }

    /* f(sums) of those rows of sums that are the tile's. */
    template <typename SUMS, typename F> GPU_DEVICE void for_own_rows(SUMS &sums, F f) const
    {
        if (!SKIPS_ROWS || own_slots == SLOTS) {
            f(sums);
        } else if (own_slots > 0) {
            upper_rows<SUMS> upper = {sums};
            f(upper);
        }
    }

    /* The products of a chunk's keys are there. */
    template <int KEYS> GPU_DEVICE void scores_done(group_sums<KEYS> &scores)
    {
        if constexpr (INSTANCE::QUANTIZED)
            for_own_rows(scores, [&](auto &own) { scale_columns(own, INSTANCE::key_scales(keys.stage)); });
        keys_done();
    }

    /* The weights of a chunk, when out is not being added to. */
    template <int KEYS> GPU_DEVICE void weights_done(group_operand<T, KEYS> &weights, group_sums<KEYS> &scores)
    {
        if constexpr (INSTANCE::QUANTIZED) {
            await_values();
            for_own_rows(scores,
                         [&](auto &own) { scale_weights(unit, own, INSTANCE::value_scales(values.stage), out); });
        }
        group_round(weights, scores);
    }

    template <typename SUMS>
    GPU_DEVICE void weigh_rows(SUMS &scores, int32_t first, int32_t count, float (&rescale)[SLOTS])
    {
        const score_rows steps = {*this, problem, item->sequence, first};
        rule::transform(scores, steps);
        if (!this->all_see(first, count)) {
            mask_group_scores(scores, steps);
            rule::mask_pairs(scores, steps);
        }
        softmax_weigh<exponent, LAG>(scores, state, rescale, problem);
        rule::drop(scores, steps, dropout);
    }

    /* Products of keys from `first` on become weights. */
    template <int KEYS> GPU_DEVICE void weigh(group_sums<KEYS> &scores, int32_t first, float (&rescale)[SLOTS])
    {
        for_own_rows(scores, [&](auto &own) { weigh_rows(own, first, KEYS, rescale); });
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++)
            if (slot >= own_slots)
                rescale[slot] = 1.0f;
    }

    /* The same for a chunk that all rows see all of, where out is not to be rescaled either: says whether it was. */
    GPU_DEVICE bool weigh_plainly(group_sums<CHUNK_KEYS> &scores, int32_t first)
    {
        if (rule::has_steps(problem) || !this->all_see(first, CHUNK_KEYS))
            return false;
        bool stays = true;
        for_own_rows(scores, [&](auto &own) { stays = softmax_weigh_in_place<exponent, LAG>(own, state, problem); });
        return stays;
    }

    /* Stages are the same for the warp, which the compiler must know to keep addresses of matrices in few registers. */
    template <int KEYS> GPU_DEVICE void begin_scores(group_sums<KEYS> &scores)
    {
        const int32_t stage = warp_first(keys.stage);
        products_fence();
        group_multiply<INSTANCE::HEAD_DIM>(scores, by_rows(INSTANCE::queries(warp_first(queries.place))),
                                           by_rows(INSTANCE::keys(stage)));
        products_commit();
    }

    template <int KEYS> GPU_DEVICE void begin_out(group_operand<T, KEYS> &weights)
    {
        const int32_t stage = warp_first(values.stage);
        shared.values[stage].full.wait(values.parity);
        products_fence();
        group_multiply_add<KEYS>(out, weights, by_columns(INSTANCE::values(stage)));
        products_commit();
    }

    /* Weights of keys from a chunk's first on, before any of the tile are multiplied. */
    template <int KEYS> GPU_DEVICE void weigh_first(group_sums<KEYS> &scores, int32_t chunk, float (&rescale)[SLOTS])
    {
        await_keys();
        begin_scores(scores);
        leave_queries();
        products_wait<0>(scores);
        scores_done(scores);
        weigh(scores, chunk * CHUNK_KEYS, rescale);
    }

    /* Weights that nothing is computed beside. */
    template <int KEYS> GPU_DEVICE void multiply_last(group_operand<T, KEYS> &weights)
    {
        begin_out(weights);
        products_wait<0>(out, weights);
        values_done();
    }

    /* A last chunk of which few keys are seen: its first ones, before the others begin. */
    template <int KEYS> GPU_DEVICE void multiply_few(int32_t chunk)
    {
        group_sums<KEYS> scores;
        group_operand<T, KEYS> weights;
        float rescale[SLOTS]; /* of out, which is still 0 */
        weigh_first(scores, chunk, rescale);
        weights_done(weights, scores);
        multiply_last(weights);
    }

    /* Chunks from `end` - 1 down to `first`; there is one at least. */
    GPU_DEVICE void multiply_chunks(int32_t first, int32_t end)
    {
        group_sums<CHUNK_KEYS> scores;
        group_operand<T, CHUNK_KEYS> weights;
        float rescale[SLOTS];
        weigh_first(scores, end - 1, rescale);
        softmax_rescale(out, rescale);
        weights_done(weights, scores);
        if (end - 2 >= first)
            await_keys();
        for (int32_t chunk = end - 2; chunk >= first; chunk--) {
            turns.await(group, chunk);
            begin_scores(scores);
            begin_out(weights);
            products_wait<1>(scores);
            turns.pass(group, chunk);
            scores_done(scores);
            const bool plain = weigh_plainly(scores, chunk * CHUNK_KEYS);
            if (!plain)
                weigh(scores, chunk * CHUNK_KEYS, rescale);
            scores.registers.settle_all();
            if (chunk > first)
                await_keys();
            products_wait<0>(out, weights);
            values_done();
            weights_done(weights, scores);
            if (!plain)
                softmax_rescale(out, rescale);
        }
        multiply_last(weights);
    }

    GPU_DEVICE void clear_sums()
    {
        out.clear();
        state.clear();
        unit.clear();
    }

    /* Number `tile` of an item's tiles. */
    GPU_DEVICE void multiply_tile(const forward_item &its_item, int32_t tile)
    {
        this->find_tile(its_item, tile);
        if constexpr (SKIPS_ROWS)
            own_slots = count_own_slots();
        if constexpr (INSTANCE::TUNING.turns)
            turns.find(args, *item, tile);
        multiply_chunks_of_item(*this);
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++)
            state.sum[slot] = out_type::row_sum(state.sum[slot]);
        if constexpr (INSTANCE::QUANTIZED)
            unit.finish(out);
    }
};

#endif
