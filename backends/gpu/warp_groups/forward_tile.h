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

#include "warp_groups/forward_mask.h"
#include "warp_groups/forward_turns.h"

template <typename INSTANCE> struct group_forward_work {
    using T = typename INSTANCE::T;
    using rule = typename INSTANCE::rule;
    using exponent = typename rule::template exponent<T>;
    static constexpr int CHUNK_KEYS = INSTANCE::CHUNK_KEYS;
    static constexpr int LAG = 8; /* of softmax_weigh */
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
    forward_turns<INSTANCE> turns;
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
    GPU_DEVICE void pass_by()
    {
        await_keys();
        keys_done();
        shared.values[values.stage].full.wait(values.parity);
        values_done();
    }

    /* An item of which this group has no tile. */
    GPU_DEVICE void pass_by_item(const forward_item &its_item)
    {
        const gpu_span all = chunks_of<CHUNK_KEYS>(its_item.keys);
        for (int32_t chunk = all.begin; chunk < all.end; chunk++)
            pass_by();
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

    GPU_DEVICE void find_tile(const forward_item &its_item, int32_t tile)
    {
        item = &its_item;
        first_row = tile * args.boxes.tile_rows;
        rows = smaller(item->rows - first_row, args.boxes.tile_rows);
        const int32_t first = item->first_row + first_row;
        seen = keys_of_tile(args, *item, tile);
        const gpu_span all = keys_seen_by_all(problem, item->sequence, divide(first, problem.group),
                                              divide(first + rows - 1, problem.group) + 1);
        common = {larger(all.begin, seen.begin), smaller(all.end, seen.end)};
        if constexpr (INSTANCE::TUNING.turns)
            turns.find(args, *item, tile);
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
            mask_group_scores(scores, steps);
        softmax_weigh<exponent, LAG>(scores, state, rescale, problem);
        rule::drop(scores, steps, dropout);
    }

    /* The same for a chunk that all rows see all of, where out is not to be rescaled either: says whether it was. */
    GPU_DEVICE bool weigh_plainly(group_sums<CHUNK_KEYS> &scores, int32_t first)
    {
        return !rule::TRANSFORMS && first >= common.begin && first + CHUNK_KEYS <= common.end &&
               softmax_weigh_in_place<exponent, LAG>(scores, state, problem);
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

    GPU_DEVICE void keys_done()
    {
        shared.keys[keys.stage].leave();
        keys.advance();
    }

    GPU_DEVICE void values_done()
    {
        shared.values[values.stage].leave();
        values.advance();
    }

    /* Weights of keys from a chunk's first on, before any of the tile are multiplied. */
    template <int KEYS> GPU_DEVICE void weigh_first(group_sums<KEYS> &scores, int32_t chunk, float (&rescale)[SLOTS])
    {
        await_keys();
        begin_scores(scores);
        leave_queries();
        products_wait<0>(scores);
        keys_done();
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
        group_round(weights, scores);
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
        group_round(weights, scores);
        if (end - 2 >= first)
            await_keys();
        for (int32_t chunk = end - 2; chunk >= first; chunk--) {
            turns.await(group, chunk);
            begin_scores(scores);
            begin_out(weights);
            products_wait<1>(scores);
            turns.pass(group, chunk);
            keys_done();
            const bool plain = weigh_plainly(scores, chunk * CHUNK_KEYS);
            if (!plain)
                weigh(scores, chunk * CHUNK_KEYS, rescale);
            scores.registers.settle_all();
            if (chunk > first)
                await_keys();
            products_wait<0>(out, weights);
            values_done();
            group_round(weights, scores);
            if (!plain)
                softmax_rescale(out, rescale);
        }
        multiply_last(weights);
    }

    /* Number `tile` of an item's tiles. */
    GPU_DEVICE void multiply_tile(const forward_item &its_item, int32_t tile)
    {
        find_tile(its_item, tile);
        const gpu_span all = chunks_of<CHUNK_KEYS>(item->keys);
        gpu_span own = chunks_of<CHUNK_KEYS>(seen);
        if (seen.begin >= seen.end)
            own = {all.begin, all.begin};
        int32_t end = own.end;
        out.clear();
        state.clear();
        shared.queries[group][queries.stage].full.wait(queries.parity);
        for (int32_t chunk = all.end; chunk > own.end; chunk--)
            pass_by();
        if (ends_with_few<CHUNK_KEYS>(seen)) {
            end--;
            multiply_few<CHUNK_KEYS / 2>(end);
        }
        if (own.begin < end)
            multiply_chunks(own.begin, end);
        for (int32_t chunk = own.begin; chunk > all.begin; chunk--)
            pass_by();
        leave_queries(); /* of no keys, nothing has been multiplied */
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++)
            state.sum[slot] = out_type::row_sum(state.sum[slot]);
    }
};

#endif
