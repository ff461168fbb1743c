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

#include "warp_groups/forward_layout.h"

template <typename INSTANCE> struct group_forward_work {
    using T = typename INSTANCE::T;
    using rule = typename INSTANCE::rule;
    using exponent = typename rule::template exponent<T>;
    static constexpr int CHUNK_KEYS = INSTANCE::CHUNK_KEYS;
    using out_type = group_sums<INSTANCE::VALUE_DIM>;
    static constexpr int SLOTS = out_type::SLOTS;

    const group_forward_arguments &args;
    const gpu_problem &problem;
    group_forward_shared<INSTANCE> &shared;
    const int32_t group; /* 0 .. GROUPS - 1 */
    stage_turn<INSTANCE::STAGES> keys;
    stage_turn<INSTANCE::STAGES> values;
    stage_turn<INSTANCE::QUERY_STAGES> queries;
    int32_t storing = -1; /* the stage of queries in whose place the last tile's out is, until it has been stored */
    const forward_item *item;
    int32_t first_row; /* of the tile, in the item */
    int32_t rows;      /* of the tile */
    gpu_span seen;     /* by some row of the tile */
    gpu_span common;   /* by all of them */
    gpu_span turns;    /* chunks at which groups take turns */
    int32_t order;     /* of this group in a turn */
    philox_key dropout;
    out_type out;
    softmax_state<SLOTS> state;

    GPU_DEVICE group_forward_work(const group_forward_arguments &arguments, group_forward_shared<INSTANCE> &its_shared,
                                  int32_t its_group)
        : args(arguments), problem(arguments.call.problem), shared(its_shared), group(its_group)
    {
        rule::find_key(dropout, problem);
    }

    /* A chunk that no row of this group's tile sees, or of an item of which this group has no tile. */
    GPU_DEVICE void pass_by(bool for_good)
    {
        if (for_good) {
            shared.keys[keys.stage].full.wait(keys.parity);
            shared.keys[keys.stage].leave();
            shared.values[values.stage].full.wait(values.parity);
            shared.values[values.stage].leave();
        }
        keys.advance();
        values.advance();
    }

    /* An item of which this group has no tile. */
    GPU_DEVICE void pass_by_item(const forward_item &its_item)
    {
        const gpu_span all = chunks_of<CHUNK_KEYS>(its_item.keys);
        for (int32_t chunk = all.begin; chunk < all.end; chunk++)
            pass_by(true);
    }

    /* The queries of the last tile may be written over, when its out has been read. The thread that stores waits; the
     * others of the group are at work. */
    GPU_DEVICE void leave_queries()
    {
        if (storing >= 0 && thread_index() % GROUP == 0) {
            stores_wait_read<0>();
            shared.queries[group][storing].empty.arrive();
        }
        storing = -1;
    }

    /* Keys that some row of an item's tile sees. */
    GPU_DEVICE gpu_span keys_of_tile(int32_t tile) const
    {
        const int32_t first = tile * args.boxes.tile_rows;
        return item_keys(problem, *item, first, smaller(first + args.boxes.tile_rows, item->rows));
    }

    /* Whether so few keys of the last chunk are seen that it is multiplied apart. */
    GPU_DEVICE static bool ends_with_few(const gpu_span &keys)
    {
        return keys.end > keys.begin && (keys.end - 1) % CHUNK_KEYS < CHUNK_KEYS / 2;
    }

    /* Chunks of the loop of multiply_chunks. */
    GPU_DEVICE static gpu_span loop_of(const gpu_span &keys)
    {
        const gpu_span chunks = chunks_of<CHUNK_KEYS>(keys);
        return {chunks.begin, chunks.end - 1 - (ends_with_few(keys) ? 1 : 0)};
    }

    /* Groups that multiply the same chunks begin their products in turn, so that one computes weights while the matrix
     * units are another's. */
    GPU_DEVICE void find_turns(int32_t tile)
    {
        constexpr int GROUPS = INSTANCE::GROUPS;
        const int32_t first = tile - tile % GROUPS;
        order = tile - first;
        turns = {0, 0};
        if (item->keys.end - item->keys.begin < 4 * CHUNK_KEYS || (first + GROUPS) * args.boxes.tile_rows > item->rows)
            return;
        turns = {0, INT32_MAX};
#pragma unroll
        for (int n = 0; n < GROUPS; n++) {
            const gpu_span loop = loop_of(keys_of_tile(first + n));
            turns = {larger(turns.begin, loop.begin), smaller(turns.end, loop.end)};
        }
    }

    static constexpr int TURN_BARRIERS = 8; /* the number of group 0's */

    GPU_DEVICE bool takes_turns(int32_t chunk) const
    {
        return INSTANCE::TUNING.turns && chunk >= turns.begin && chunk < turns.end;
    }

    GPU_DEVICE void await_turn(int32_t chunk)
    {
        if (takes_turns(chunk) && (order > 0 || chunk < turns.end - 1))
            named_barrier_wait(TURN_BARRIERS + group, 2 * GROUP);
    }

    GPU_DEVICE void pass_turn(int32_t chunk)
    {
        if (takes_turns(chunk) && (order < INSTANCE::GROUPS - 1 || chunk > turns.begin))
            named_barrier_arrive(TURN_BARRIERS + (group + 1) % INSTANCE::GROUPS, 2 * GROUP);
    }

    GPU_DEVICE void find_tile(const forward_item &its_item, int32_t tile)
    {
        item = &its_item;
        first_row = tile * args.boxes.tile_rows;
        rows = smaller(item->rows - first_row, args.boxes.tile_rows);
        const int32_t first = item->first_row + first_row;
        seen = keys_of_tile(tile);
        const gpu_span all = keys_seen_by_all(problem, item->sequence, divide(first, problem.group),
                                              divide(first + rows - 1, problem.group) + 1);
        common = {larger(all.begin, seen.begin), smaller(all.end, seen.end)};
    }

    /* A row of the tile; past its end, its last one. */
    GPU_DEVICE query_row row_at(int32_t row) const
    {
        return query_row_at(problem, item->kv_head, item->first_row + first_row + smaller(row, rows - 1));
    }

    /* What the score steps ask, of keys from `first` on. */
    struct score_rows {
        const group_forward_work &work;
        const gpu_problem &problem;
        const gpu_sequence &sequence;
        int32_t first;

        GPU_DEVICE int32_t first_key() const
        {
            return first;
        }

        GPU_DEVICE query_row row(int slot) const
        {
            return work.row_at(out_type::slot_row(slot));
        }

        GPU_DEVICE gpu_span seen(int slot) const
        {
            const int32_t query = row(slot).query;
            const gpu_span own = keys_seen_by(problem, sequence, query, query + 1);
            return {larger(own.begin, work.seen.begin), smaller(own.end, work.seen.end)};
        }
    };

    /* Products of keys from `first` on become weights. */
    template <int KEYS> GPU_DEVICE void weigh(group_sums<KEYS> &scores, int32_t first, float (&rescale)[SLOTS])
    {
        const score_rows steps = {*this, problem, item->sequence, first};
        rule::transform(scores, steps);
        if (first < common.begin || first + KEYS > common.end)
            mask_scores(scores, steps);
        softmax_weigh<exponent>(scores, state, rescale, problem);
        rule::drop(scores, steps, dropout);
    }

    /* Stages are the same for the warp, which the compiler must know to keep addresses of matrices in few registers. */
    template <int KEYS> GPU_DEVICE void begin_scores(group_sums<KEYS> &scores)
    {
        const int32_t stage = warp_first(keys.stage);
        products_fence();
        group_multiply<INSTANCE::HEAD_DIM>(scores, by_rows(INSTANCE::queries(group, warp_first(queries.stage))),
                                           by_rows(INSTANCE::keys(stage)));
        products_commit();
    }

    GPU_DEVICE void await_keys()
    {
        shared.keys[keys.stage].full.wait(keys.parity);
    }

    template <int KEYS> GPU_DEVICE void begin_out(group_operand<T, KEYS> &weights)
    {
        const int32_t stage = warp_first(values.stage);
        shared.values[stage].full.wait(values.parity);
        products_fence();
        group_multiply_add<KEYS>(out, weights, by_columns(INSTANCE::values(stage)));
        products_commit();
    }

    GPU_DEVICE void keys_done(bool for_good)
    {
        if (for_good)
            shared.keys[keys.stage].leave();
        keys.advance();
    }

    GPU_DEVICE void values_done(bool for_good)
    {
        if (for_good)
            shared.values[values.stage].leave();
        values.advance();
    }

    /* A last chunk of which few keys are seen: its first ones, before the others begin. */
    template <int KEYS> GPU_DEVICE void multiply_few(int32_t chunk, bool for_good)
    {
        group_sums<KEYS> scores;
        group_operand<T, KEYS> weights;
        float rescale[SLOTS];
        await_keys();
        begin_scores(scores);
        leave_queries();
        products_wait<0>(scores);
        keys_done(for_good);
        weigh(scores, chunk * CHUNK_KEYS, rescale);
        group_round(weights, scores);
        begin_out(weights);
        products_wait<0>(out, weights);
        values_done(for_good);
    }

    /* Chunks from `end` - 1 down to `first`; there is one at least. */
    GPU_DEVICE void multiply_chunks(int32_t first, int32_t end, bool for_good)
    {
        group_sums<CHUNK_KEYS> scores;
        group_operand<T, CHUNK_KEYS> weights;
        float rescale[SLOTS];
        await_keys();
        begin_scores(scores);
        leave_queries();
        products_wait<0>(scores);
        keys_done(for_good);
        weigh(scores, (end - 1) * CHUNK_KEYS, rescale);
        softmax_rescale(out, rescale);
        group_round(weights, scores);
        if (end - 2 >= first)
            await_keys();
        for (int32_t chunk = end - 2; chunk >= first; chunk--) {
            await_turn(chunk);
            begin_scores(scores);
            begin_out(weights);
            products_wait<1>(scores);
            pass_turn(chunk);
            keys_done(for_good);
            weigh(scores, chunk * CHUNK_KEYS, rescale);
            scores.registers.settle_all();
            if (chunk > first)
                await_keys();
            products_wait<0>(out, weights);
            values_done(for_good);
            group_round(weights, scores);
            softmax_rescale(out, rescale);
        }
        begin_out(weights);
        products_wait<0>(out, weights);
        values_done(for_good);
    }

    /* Number `tile` of an item's tiles, whose queries are there. `for_good`: no tile of this group needs the item's
     * keys any more. */
    GPU_DEVICE void multiply_tile(const forward_item &its_item, int32_t tile, bool for_good)
    {
        find_tile(its_item, tile);
        if constexpr (INSTANCE::TUNING.turns)
            find_turns(tile);
        const gpu_span all = chunks_of<CHUNK_KEYS>(item->keys);
        const gpu_span own = chunks_of<CHUNK_KEYS>(seen);
        int32_t end = own.end;
        out.clear();
        state.clear();
        shared.queries[group][queries.stage].full.wait(queries.parity);
        for (int32_t chunk = all.end; chunk > own.end; chunk--)
            pass_by(for_good);
        if (ends_with_few(seen)) {
            end--;
            multiply_few<CHUNK_KEYS / 2>(end, for_good);
        }
        if (own.begin < end)
            multiply_chunks(own.begin, end, for_good);
        for (int32_t chunk = smaller(own.begin, all.end); chunk > all.begin; chunk--)
            pass_by(for_good);
        leave_queries(); /* of no keys, nothing has been multiplied */
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++)
            state.sum[slot] = out_type::row_sum(state.sum[slot]);
    }
};

#endif
