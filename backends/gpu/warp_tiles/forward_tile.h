/* Forward attention of one item: FlashAttention's online softmax (Dao, 2023) over chunks of keys.
 *
 *     copy rows of q, begin to copy the first chunk of keys and values
 *     for each chunk of keys:
 *         finish its copy, begin to copy the next
 *         S = Q K^T                           each warp: its rows, its keys of the chunk
 *         S = transform, mask(S)              where the score rule or the mask's edge asks
 *         P = exp2(S - maximum)               softmax_step
 *         O = O * rescale + P V
 *     O of warps that shared rows are merged; out = O / sum, lse = log(sum) + maximum
 *
 * Chunks start at multiples of the chunk size from the sequence's first key, and a key that a row does not see adds
 * exact zeros to it, so that a row's bits do not depend on the rows it shares a tile with. */
#ifndef VARLEN_GPU_FORWARD_TILE_H
#define VARLEN_GPU_FORWARD_TILE_H

#include "call/scales.h"
#include "warp_tiles/forward_layout.h"
#include "warp_tiles/kept_rows.h"
#include "warp_tiles/tile_copies.h"

template <typename INSTANCE, typename LAYOUT> struct forward_work {
    using layout = LAYOUT;
    static constexpr forward_tuning TUNING = INSTANCE::TUNING;
    using T = typename INSTANCE::T;
    using rule = typename INSTANCE::rule;
    using mask = typename rule::mask;
    using exponent = typename rule::template exponent<T>;
    using memory_type = forward_memory<INSTANCE, LAYOUT>;
    using scores_type = warp_sums<LAYOUT::WARP_ROWS, LAYOUT::WARP_KEYS>;
    using out_type = warp_sums<LAYOUT::WARP_ROWS, INSTANCE::VALUE_DIM>;
    using queries_type = kept_rows<TUNING.queries_in_registers, T, LAYOUT::WARP_ROWS, INSTANCE::HEAD_DIM>;
    using key_shares = copy_shares<LAYOUT::THREADS, LAYOUT::CHUNK_KEYS>;
    using score_rows = warp_score_rows<forward_work>;
    static constexpr int SLOTS = scores_type::SLOTS;
    /* Pieces that a thread copies of a chunk. */
    static constexpr int K_PIECES = key_shares::pieces(INSTANCE::HEAD_DIM);
    static constexpr int V_PIECES = TUNING.interleaved_values ? 0 : key_shares::pieces(INSTANCE::VALUE_DIM);
    static constexpr int V_SQUARES =
        TUNING.interleaved_values ? square_shares<LAYOUT::THREADS, LAYOUT::CHUNK_KEYS, INSTANCE::VALUE_DIM>::STEPS : 0;

    const forward_arguments &args;
    const forward_item &item;
    forward_shared &shared;
    memory_type memory;
    int32_t warp_row; /* first row of this warp, counted in the tile */
    int32_t warp_key; /* first key of this warp, counted in a chunk */
    philox_key dropout;
    queries_type queries;
    std::conditional_t<INSTANCE::QUANTIZED, typename memory_type::quantized_type,
                       copy_batch<K_PIECES + V_PIECES, V_SQUARES, memory_type::STAGES == 1>>
        copies;
    static_assert(memory_type::STAGES > 1 || !key_shares::SOME_IDLE, "each thread has keys to finish");
    out_type out;
    value_unit<T> unit; /* of out, where values are quantised */
    softmax_state<SLOTS> state;

    GPU_DEVICE forward_work(const forward_arguments &arguments, forward_shared &its_shared)
        : args(arguments), item(its_shared.item), shared(its_shared), memory{shared_memory()}, copies(make_copies())
    {
        const int warp = thread_index() / WARP;
        warp_row = warp % LAYOUT::ROW_WARPS * LAYOUT::WARP_ROWS;
        warp_key = warp / LAYOUT::ROW_WARPS * LAYOUT::WARP_KEYS;
        if (thread_index() % WARP == 0)
            shared.warps[warp] = find_keys(warp);
        warp_barrier();
        rule::find_key(dropout, args.problem);
    }

    GPU_DEVICE auto make_copies() const
    {
        if constexpr (INSTANCE::QUANTIZED)
            return typename memory_type::quantized_type(memory.quantized());
        else
            return decltype(copies)();
    }

    GPU_DEVICE warp_keys find_keys(int warp) const
    {
        if (warp >= LAYOUT::ROW_WARPS * LAYOUT::KEY_WARPS || warp_row >= item.rows)
            return {};
        return find_warp_keys<mask>(args.problem, item, warp_row, smaller(warp_row + LAYOUT::WARP_ROWS, item.rows));
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

    /* Begins to copy a chunk. */
    GPU_DEVICE void copy_chunk(int32_t chunk)
    {
        const int stage = chunk % memory_type::STAGES;
        const int32_t first = chunk * LAYOUT::CHUNK_KEYS;
        if constexpr (INSTANCE::QUANTIZED) {
            copies.begin(args.problem, item, shared.keys, shared.values, first);
        } else {
            copy_keys<key_shares>(copies, 0, memory.k(stage), shared.keys, first, item.keys.end, args.problem.head_dim);
            copy_keys<key_shares>(copies, TUNING.interleaved_values ? 0 : K_PIECES, memory.v(stage), shared.values,
                                  first, item.keys.end, args.problem.value_dim);
            copies.begun();
        }
    }

    /* Until the chunk is there, this thread's share of it. */
    GPU_DEVICE void finish_copies()
    {
        if constexpr (INSTANCE::QUANTIZED)
            copies.finish(memory.k(0), memory.v(0), args.problem.kv_dtype);
        else
            copies.template finish<0>();
    }

    /* The row that a slot of this thread stands for; past the tile's end, its last one. */
    GPU_DEVICE query_row row_of_slot(int slot) const
    {
        return shared.rows[smaller(warp_row + scores_type::slot_row(slot), item.rows - 1)];
    }

    /* This warp's rows against its keys of a chunk, from `first` on. */
    GPU_DEVICE void multiply_chunk(int32_t first, int stage)
    {
        const warp_keys keys = keys_of_warp();
        if (first >= keys.seen.end || first + LAYOUT::WARP_KEYS <= keys.seen.begin)
            return;
        const score_rows rows = {*this, args.problem, item.sequence, first};
        scores_type scores;
        scores.clear();
        multiply_rows(scores, queries, memory.k(stage), warp_key);
        if constexpr (INSTANCE::QUANTIZED)
            scale_columns(scores, copies.shared.keys() + warp_key);
        rule::transform(scores, rows);
        if (first < keys.common.begin || first + LAYOUT::WARP_KEYS > keys.common.end) {
            mask_scores(scores, rows);
            rule::mask_pairs(scores, rows);
        }
        softmax_step<exponent>(scores, state, out, args.problem);
        rule::drop(scores, rows, dropout);
        if constexpr (INSTANCE::QUANTIZED)
            scale_weights(unit, scores, copies.shared.values() + warp_key, out);
        multiply_operand(out, operand_of<T>(scores), memory.v(stage), warp_key, 0);
    }

    /* The turn before the first chunk copies that chunk, and multiplies none. */
    GPU_DEVICE void multiply_all()
    {
        const int32_t first_chunk = item.keys.begin / LAYOUT::CHUNK_KEYS;
        const int32_t end_chunk = divide_up(item.keys.end, (int32_t)LAYOUT::CHUNK_KEYS);
        out.clear();
        state.clear();
        unit.clear();
        if (first_chunk < end_chunk)
            copy_queries();
        for (int32_t chunk = first_chunk - 1; chunk < end_chunk; chunk++) {
            const bool exists = chunk >= first_chunk;
            if (exists)
                finish_copies();
            block_barrier(); /* this chunk is there, and the one before it is no longer needed */
            if (chunk + 1 < end_chunk)
                copy_chunk(chunk + 1);
            if (exists)
                multiply_chunk(chunk * LAYOUT::CHUNK_KEYS + warp_key, chunk % memory_type::STAGES);
            if (memory_type::STAGES == 1)
                block_barrier();
        }
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++)
            state.sum[slot] = sums_row_sum(state.sum[slot]);
        if constexpr (INSTANCE::QUANTIZED)
            unit.finish(out);
    }
};

#endif
