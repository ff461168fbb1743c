/* Forward attention of one item: FlashAttention's online softmax (Dao, 2023) over blocks of keys.
 *
 *     copy rows of q, begin to copy the first block of keys and values
 *     for each block of keys:
 *         finish its copy, begin to copy the next
 *         S = Q K^T                           each warp: its rows, its keys of the block
 *         S = transform, mask(S)              where the score rule or the mask's edge asks
 *         P = exp2(S - maximum)               softmax_step
 *         O = O * rescale + P V
 *     O of warps that shared rows are merged; out = O / sum, lse = log(sum) + maximum
 *
 * Blocks start at multiples of the block size from the sequence's first key, and a key that a row does not see adds
 * exact zeros to it, so that a row's bits do not depend on the rows it shares a tile with. */
#ifndef VARLEN_GPU_FORWARD_TILE_H
#define VARLEN_GPU_FORWARD_TILE_H

#include "call/softmax.h"
#include "plan/forward_plan.h"
#include "warp_tiles/kept_rows.h"
#include "warp_tiles/tile_copies.h"
#include "tuning.h"

struct forward_arguments {
    gpu_problem problem;
    gpu_plan plan;
    forward_policy policy;
    forward_item *items;
    gpu_tensor out;
    float *lse;             /* NULL: not wanted */
    float *partial_out;     /* [partial_limit][DECODE_TILE_ROWS][value_dim]: see forward_finish.h */
    float *partial_maximum; /* [partial_limit][DECODE_TILE_ROWS] */
    float *partial_sum;     /* [partial_limit][DECODE_TILE_ROWS] */
    violation_mailbox mailbox;
    int32_t validate;
};

enum { FORWARD_WARPS = 8 }; /* of a block of threads, at most */

/* What all threads of a block know of the item they are at; behind the tiles in shared memory, since registers are for
 * sums. */
struct warp_keys {
    gpu_span seen;   /* by some row of the warp; empty for warps that have no rows */
    gpu_span common; /* seen by all of them */
};

struct forward_shared {
    forward_item item;
    gpu_key_rows keys;
    gpu_key_rows values;
    int32_t arrivals;
    warp_keys warps[FORWARD_WARPS];
    query_row rows[FORWARD_ROWS];
    char *q_rows[FORWARD_ROWS];
    char *out_rows[FORWARD_ROWS];
};

/* How a block of threads works on a tile. Warps stand in ROW_WARPS x KEY_WARPS; those beyond only help to copy. */
template <int THREADS_, int ROW_WARPS_, int KEY_WARPS_, int WARP_ROWS_, int BLOCK_KEYS_> struct forward_layout {
    static constexpr int THREADS = THREADS_;
    static constexpr int ROW_WARPS = ROW_WARPS_;
    static constexpr int KEY_WARPS = KEY_WARPS_;
    static constexpr int WARP_ROWS = WARP_ROWS_;
    static constexpr int ROWS = ROW_WARPS * WARP_ROWS;
    static constexpr int BLOCK_KEYS = BLOCK_KEYS_;
    static constexpr int WARP_KEYS = BLOCK_KEYS / KEY_WARPS;
};

/* Shared memory: rows of q, unless they are in registers, and one or two blocks of keys and of values. When the last
 * block has been multiplied, out goes where q was, if by way of shared memory at all, and what warps have to merge
 * where keys and values were. */
template <typename INSTANCE, typename LAYOUT> struct forward_memory {
    using T = typename INSTANCE::T;
    using key_tile = shared_tile<T, INSTANCE::HEAD_DIM>;
    using value_tile = std::conditional_t<INSTANCE::TUNING.interleaved_values, interleaved_tile<T, INSTANCE::VALUE_DIM>,
                                          shared_tile<T, INSTANCE::VALUE_DIM>>;
    using out_tile = shared_tile<T, INSTANCE::VALUE_DIM>;
    static constexpr int VALUE_DIM = INSTANCE::VALUE_DIM;
    static constexpr int STAGES = INSTANCE::TUNING.stages;
    static constexpr int Q_BYTES = INSTANCE::TUNING.queries_in_registers ? 0 : key_tile::bytes(LAYOUT::ROWS);
    static constexpr int K_BYTES = key_tile::bytes(LAYOUT::BLOCK_KEYS);
    static constexpr int V_BYTES = value_tile::bytes(LAYOUT::BLOCK_KEYS);
    static constexpr int STAGE_BYTES = STAGES * (K_BYTES + V_BYTES);
    static constexpr int MERGE_STRIDE = VALUE_DIM + 4; /* floats; rows in different banks */
    static constexpr int MERGE_BYTES = LAYOUT::KEY_WARPS > 1
                                           ? LAYOUT::KEY_WARPS *LAYOUT::ROWS *(MERGE_STRIDE + 2) * (int)sizeof(float)
                                           : 0;
    static constexpr int BYTES = Q_BYTES + (MERGE_BYTES > STAGE_BYTES ? MERGE_BYTES : STAGE_BYTES);
    static_assert(!INSTANCE::TUNING.out_by_shared_memory || out_tile::bytes(LAYOUT::ROWS) <= Q_BYTES,
                  "out takes the place of q");

    char *base;

    GPU_DEVICE key_tile q() const
    {
        return {(T *)base};
    }
    GPU_DEVICE key_tile k(int stage) const
    {
        return {(T *)(base + Q_BYTES + stage * K_BYTES)};
    }
    GPU_DEVICE value_tile v(int stage) const
    {
        return {(T *)(base + Q_BYTES + STAGES * K_BYTES + stage * V_BYTES)};
    }
    GPU_DEVICE out_tile out() const
    {
        return {(T *)base};
    }
    GPU_DEVICE float *merge() const
    {
        return (float *)(base + Q_BYTES);
    }
};

template <typename INSTANCE, typename LAYOUT> struct forward_work {
    static constexpr forward_tuning TUNING = INSTANCE::TUNING;
    using T = typename INSTANCE::T;
    using memory_type = forward_memory<INSTANCE, LAYOUT>;
    using scores_type = warp_sums<LAYOUT::WARP_ROWS, LAYOUT::WARP_KEYS>;
    using out_type = warp_sums<LAYOUT::WARP_ROWS, INSTANCE::VALUE_DIM>;
    using queries_type = kept_rows<TUNING.queries_in_registers, T, LAYOUT::WARP_ROWS, INSTANCE::HEAD_DIM>;
    using key_shares = copy_shares<LAYOUT::THREADS, LAYOUT::BLOCK_KEYS>;
    static constexpr bool GENERAL = INSTANCE::GENERAL;
    static constexpr int SLOTS = scores_type::SLOTS;
    /* Pieces that a thread copies of a block. */
    static constexpr int K_PIECES = key_shares::pieces(INSTANCE::HEAD_DIM);
    static constexpr int V_PIECES = TUNING.interleaved_values ? 0 : key_shares::pieces(INSTANCE::VALUE_DIM);
    static constexpr int V_SQUARES =
        TUNING.interleaved_values ? square_shares<LAYOUT::THREADS, LAYOUT::BLOCK_KEYS, INSTANCE::VALUE_DIM>::STEPS : 0;

    const forward_arguments &args;
    const forward_item &item;
    forward_shared &shared;
    memory_type memory;
    int32_t warp_row; /* first row of this warp, counted in the tile */
    int32_t warp_key; /* first key of this warp, counted in a block */
    philox_key dropout;
    queries_type queries;
    copy_batch<K_PIECES + V_PIECES, V_SQUARES, memory_type::STAGES == 1> copies;
    static_assert(memory_type::STAGES > 1 || !key_shares::SOME_IDLE, "each thread has keys to finish");
    out_type out;
    softmax_state<SLOTS> state;

    GPU_DEVICE forward_work(const forward_arguments &arguments, forward_shared &its_shared)
        : args(arguments), item(its_shared.item), shared(its_shared), memory{shared_memory()}
    {
        const int warp = thread_index() / WARP;
        warp_row = warp % LAYOUT::ROW_WARPS * LAYOUT::WARP_ROWS;
        warp_key = warp / LAYOUT::ROW_WARPS * LAYOUT::WARP_KEYS;
        if (thread_index() % WARP == 0)
            shared.warps[warp] = find_warp_keys(warp);
        warp_barrier();
        if (GENERAL && args.problem.dropout_threshold)
            dropout = dropout_key(args.problem);
    }

    GPU_DEVICE warp_keys find_warp_keys(int warp) const
    {
        const gpu_problem &problem = args.problem;
        if (warp >= LAYOUT::ROW_WARPS * LAYOUT::KEY_WARPS || warp_row >= item.rows)
            return {};
        const int32_t end = smaller(warp_row + LAYOUT::WARP_ROWS, item.rows);
        const gpu_span seen = item_keys(problem, item, warp_row, end);
        const gpu_span common =
            keys_seen_by_all(problem, item.sequence, divide(item.first_row + warp_row, problem.group),
                             divide(item.first_row + end - 1, problem.group) + 1);
        return {seen, {larger(common.begin, seen.begin), smaller(common.end, seen.end)}};
    }

    GPU_DEVICE const warp_keys &keys_of_warp() const
    {
        return shared.warps[thread_index() / WARP];
    }

    /* Rows past the tile's end are those of its last one. */
    GPU_DEVICE void copy_queries()
    {
        if constexpr (TUNING.queries_in_registers) {
            queries.load(args.problem.head_dim,
                         [&](int32_t row) { return shared.q_rows[smaller(warp_row + row, item.rows - 1)]; });
        } else {
            single_copies single;
            copy_rows<copy_shares<LAYOUT::THREADS, LAYOUT::ROWS>>(single, 0, memory.q(), item.rows,
                                                                  args.problem.head_dim,
                                                                  [&](int32_t row) { return shared.q_rows[row]; });
            queries = {memory.q(), warp_row};
        }
    }

    /* Begins to copy a block. */
    GPU_DEVICE void copy_block(int32_t block)
    {
        const int stage = block % memory_type::STAGES;
        const int32_t first = block * LAYOUT::BLOCK_KEYS;
        copy_keys<key_shares>(copies, 0, memory.k(stage), shared.keys, first, item.keys.end, args.problem.head_dim);
        copy_keys<key_shares>(copies, TUNING.interleaved_values ? 0 : K_PIECES, memory.v(stage), shared.values, first,
                              item.keys.end, args.problem.value_dim);
        copies.begun();
    }

    /* The row that a slot of this thread stands for; past the tile's end, its last one. */
    GPU_DEVICE query_row row_of_slot(int slot) const
    {
        return shared.rows[smaller(warp_row + scores_type::slot_row(slot), item.rows - 1)];
    }

    GPU_DEVICE void transform(scores_type &scores, int32_t first) const
    {
        score_row rows[SLOTS];
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++)
            rows[slot] = score_row_of(args.problem, item.sequence, row_of_slot(slot));
        scores.for_each_run([&](int slot, int column, float *run) {
#pragma unroll
            for (int i = 0; i < scores_type::RUN; i++)
                run[i] = score_of(args.problem, rows[slot], first + column + i, run[i]);
        });
    }

    /* Scores of keys that a row does not see become -infinity. */
    GPU_DEVICE void mask(scores_type &scores, int32_t first) const
    {
        const gpu_span limits = keys_of_warp().seen;
        gpu_span seen[SLOTS];
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++) {
            const int32_t query = row_of_slot(slot).query;
            seen[slot] = keys_seen_by(args.problem, item.sequence, query, query + 1);
            seen[slot] = {larger(seen[slot].begin, limits.begin), smaller(seen[slot].end, limits.end)};
        }
        scores.for_each_run([&](int slot, int column, float *run) {
#pragma unroll
            for (int i = 0; i < scores_type::RUN; i++) {
                int32_t key = first + column + i;
                if (key < seen[slot].begin || key >= seen[slot].end)
                    run[i] = minus_infinity;
            }
        });
    }

    GPU_DEVICE void drop(scores_type &scores, int32_t first) const
    {
        query_row rows[SLOTS];
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++)
            rows[slot] = row_of_slot(slot);
        scores.for_each_run([&](int slot, int column, float *run) {
            drop_run<scores_type::RUN>(args.problem, dropout, item.sequence, rows[slot].query, rows[slot].head,
                                       first + column, 1.0f, run);
        });
    }

    /* This warp's rows against its keys of a block, from `first` on. */
    GPU_DEVICE void multiply_block(int32_t first, int stage)
    {
        const warp_keys keys = keys_of_warp();
        if (first >= keys.seen.end || first + LAYOUT::WARP_KEYS <= keys.seen.begin)
            return;
        scores_type scores;
        scores.clear();
        multiply_rows(scores, queries, memory.k(stage), warp_key);
        if (GENERAL)
            transform(scores, first);
        if (first < keys.common.begin || first + LAYOUT::WARP_KEYS > keys.common.end)
            mask(scores, first);
        softmax_step<T, GENERAL>(scores, state, out, args.problem, GENERAL ? gpu_log2e : args.problem.multiplier);
        if (GENERAL && args.problem.dropout_threshold)
            drop(scores, first);
        multiply_operand(out, operand_of<T>(scores), memory.v(stage), warp_key, 0);
    }

    /* The turn before the first block copies that block, and multiplies none. */
    GPU_DEVICE void multiply_all()
    {
        const int32_t first_block = item.keys.begin / LAYOUT::BLOCK_KEYS;
        const int32_t end_block = divide_up(item.keys.end, (int32_t)LAYOUT::BLOCK_KEYS);
        out.clear();
        state.clear();
        if (first_block < end_block)
            copy_queries();
        for (int32_t block = first_block - 1; block < end_block; block++) {
            const bool exists = block >= first_block;
            if (exists)
                copies.template finish<0>();
            block_barrier(); /* this block is there, and the one before it is no longer needed */
            if (block + 1 < end_block)
                copy_block(block + 1);
            if (exists)
                multiply_block(block * LAYOUT::BLOCK_KEYS + warp_key, block % memory_type::STAGES);
            if (memory_type::STAGES == 1)
                block_barrier();
        }
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++)
            state.sum[slot] = sums_row_sum(state.sum[slot]);
    }
};

#endif
