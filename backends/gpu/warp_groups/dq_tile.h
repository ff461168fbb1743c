/* dQ of one tile of rows by a group of warps, as group_forward_work finds out:
 *
 *     S = Q K^T and dP = dO V^T of the last chunk of keys; P = exp2(S - lse), dS = P * (dP - delta)
 *     for each chunk before it:
 *         begin S = Q K^T, dP = dO V^T, then dQ += dS K of the chunk behind it
 *         wait for S; P                  beside dP
 *         wait for dP; dS                beside dQ
 *         wait for dQ; round dS
 *     dQ += dS K of the first chunk
 *
 * dS, rounded, is the left operand of dQ as it lies in registers. dQ is stored once: nothing is summed in memory. */
#ifndef VARLEN_GPU_WARP_GROUPS_DQ_TILE_H
#define VARLEN_GPU_WARP_GROUPS_DQ_TILE_H

#include "warp_groups/dq_layout.h"
#include "warp_groups/forward_mask.h"
#include "warp_groups/row_tiles.h"

template <typename INSTANCE> struct group_dq_work : row_tiles<INSTANCE, group_dq_arguments> {
    using tiles = row_tiles<INSTANCE, group_dq_arguments>;
    using T = typename INSTANCE::T;
    using rule = typename INSTANCE::rule;
    static constexpr int CHUNK_KEYS = INSTANCE::CHUNK_KEYS;
    using dq_type = group_sums<INSTANCE::HEAD_DIM>;
    static constexpr int SLOTS = dq_type::SLOTS;

    using tiles::args;
    using tiles::group;
    using tiles::item;
    using tiles::keys;
    using tiles::problem;
    using tiles::queries;
    using tiles::seen;
    using tiles::shared;
    using tiles::values;

    dq_type dq;
    float lse[SLOTS]; /* of a thread's rows, in units of log2 */
    float delta[SLOTS];

    GPU_DEVICE group_dq_work(const group_dq_arguments &arguments, group_forward_shared<INSTANCE> &its_shared,
                             int32_t its_group)
        : tiles(arguments, its_shared, its_group)
    {
    }

    /* Where prepare_rows has left them. */
    GPU_DEVICE void load_statistics()
    {
        const int64_t first =
            item->kv_head * args.row_chunks + first_row_chunk(problem, args.chunk_rows, item->sequence.index);
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++) {
            const int32_t row = this->row_of_sequence(dq_type::slot_row(slot));
            const int32_t chunk = row / args.chunk_rows;
            const float *from =
                args.statistics + (first + chunk) * 2 * args.stored_rows + (row - chunk * args.chunk_rows);
            lse[slot] = from[0];
            delta[slot] = from[args.stored_rows];
        }
    }

    struct score_rows : tile_score_rows<group_dq_work, dq_type> {
        GPU_DEVICE float lse(int slot) const
        {
            return this->work.lse[slot];
        }

        GPU_DEVICE float delta(int slot) const
        {
            return this->work.delta[slot];
        }
    };

    GPU_DEVICE score_rows rows_at(int32_t first) const
    {
        return {{*this, problem, item->sequence, first}};
    }

    /* Of keys and values that have come. */
    template <int KEYS> GPU_DEVICE void begin_scores(group_sums<KEYS> &scores)
    {
        const int32_t place = warp_first(queries.place);
        products_fence();
        group_multiply<INSTANCE::HEAD_DIM>(scores, by_rows(INSTANCE::queries(place)),
                                           by_rows(INSTANCE::keys(warp_first(keys.stage))));
        products_commit();
    }

    template <int KEYS> GPU_DEVICE void begin_gradients(group_sums<KEYS> &gradients)
    {
        const int32_t place = warp_first(queries.place);
        products_fence();
        group_multiply<INSTANCE::VALUE_DIM>(gradients, by_rows(INSTANCE::douts(place)),
                                            by_rows(INSTANCE::values(warp_first(values.stage))));
        products_commit();
    }

    template <int KEYS> GPU_DEVICE void begin_dq(group_operand<T, KEYS> &rounded, int32_t stage)
    {
        products_fence();
        group_multiply_add<KEYS>(dq, rounded, by_columns(INSTANCE::keys(stage)));
        products_commit();
    }

    /* Of keys from `first` on. */
    template <int KEYS> GPU_DEVICE void weigh(group_sums<KEYS> &scores, int32_t first)
    {
        const score_rows steps = rows_at(first);
        if (!this->all_see(first, KEYS))
            mask_group_scores(scores, steps);
        rule::weigh(scores, steps);
        scores.registers.settle_all();
    }

    /* dP becomes dS. */
    template <int KEYS>
    GPU_DEVICE void differentiate(group_sums<KEYS> &gradients, group_sums<KEYS> &scores, int32_t first)
    {
        rule::differentiate(gradients, scores, rows_at(first));
        gradients.registers.settle_all();
    }

    /* dS of keys from a chunk's first on, before any of the tile are multiplied. Returns the stage of the keys. */
    template <int KEYS> GPU_DEVICE int32_t find_first(group_operand<T, KEYS> &rounded, int32_t chunk)
    {
        const int32_t stage = warp_first(keys.stage);
        group_sums<KEYS> scores;
        group_sums<KEYS> gradients;
        this->await_keys();
        begin_scores(scores);
        this->await_values();
        begin_gradients(gradients);
        this->leave_queries();
        products_wait<1>(scores);
        weigh(scores, chunk * CHUNK_KEYS);
        products_wait<0>(gradients);
        this->values_done();
        differentiate(gradients, scores, chunk * CHUNK_KEYS);
        group_round(rounded, gradients);
        keys.advance();
        return stage;
    }

    /* Beside which nothing is found. */
    template <int KEYS> GPU_DEVICE void multiply_last(group_operand<T, KEYS> &rounded, int32_t stage)
    {
        begin_dq(rounded, stage);
        products_wait<0>(dq, rounded);
        shared.keys[stage].leave();
    }

    /* A last chunk of which few keys are seen: its first ones, before the others begin. */
    template <int KEYS> GPU_DEVICE void multiply_few(int32_t chunk)
    {
        group_operand<T, KEYS> rounded;
        const int32_t stage = find_first(rounded, chunk);
        multiply_last(rounded, stage);
    }

    /* Chunks from `end` - 1 down to `first`; there is one at least. The waits for the next keys and values stand where
     * the assembler must not move what is found beside a product behind the wait for it. */
    GPU_DEVICE void multiply_chunks(int32_t first, int32_t end)
    {
        group_operand<T, CHUNK_KEYS> rounded;
        int32_t behind = find_first(rounded, end - 1);
        if (end - 2 >= first) {
            this->await_keys();
            this->await_values();
        }
        for (int32_t chunk = end - 2; chunk >= first; chunk--) {
            const int32_t stage = warp_first(keys.stage);
            group_sums<CHUNK_KEYS> scores;
            group_sums<CHUNK_KEYS> gradients;
            begin_scores(scores);
            begin_gradients(gradients);
            begin_dq(rounded, behind);
            keys.advance();
            products_wait<2>(scores);
            weigh(scores, chunk * CHUNK_KEYS);
            if (chunk > first)
                this->await_keys();
            products_wait<1>(gradients);
            this->values_done();
            differentiate(gradients, scores, chunk * CHUNK_KEYS);
            if (chunk > first)
                this->await_values();
            products_wait<0>(dq, rounded);
            shared.keys[behind].leave();
            group_round(rounded, gradients);
            behind = stage;
        }
        multiply_last(rounded, behind);
    }

    GPU_DEVICE void clear_sums()
    {
        dq.clear();
    }

    /* Number `tile` of an item's tiles. */
    GPU_DEVICE void multiply_tile(const forward_item &its_item, int32_t tile)
    {
        this->find_tile(its_item, tile);
        load_statistics();
        multiply_chunks_of_item(*this);
    }

    /* To where the tile's queries were, and from there to dq. */
    GPU_DEVICE void store_dq()
    {
        const typename INSTANCE::query_matrix to = INSTANCE::queries(queries.place);
        scale_sums(dq, problem.scale);
        group_barrier(*this); /* no warp multiplies these queries any more */
        group_store(to, 0, 0, dq);
        fence_shared();
        group_barrier(*this);
        if (thread_index() % GROUP == 0)
            store_row_tile(*this, args.out, problem.head_dim, to);
        this->next_queries();
    }
};

#endif
