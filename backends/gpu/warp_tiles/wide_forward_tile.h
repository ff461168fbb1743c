/* Forward attention of one item where heads are wide. No warp has room for whole rows of out, nor shared memory for
 * whole keys: keys and values come in slabs, and all warps share the rows of out by columns.
 *
 *     copy rows of q, begin to copy the first slabs
 *     for each chunk of keys:
 *         for each slab of keys:    S += Q K^T            score warps: their rows, their keys of the chunk
 *         S = transform, mask(S)
 *         maximum of a row over the warps that share it   by way of shared memory
 *         P = exp2(S - maximum)                           rounded, to shared memory, with the rescale of each row
 *         for each slab of values:  O = O * rescale + P V all warps: their part of the slab's columns
 *     out = O / sum, lse = log(sum) + maximum
 *
 * Scores are computed once, whatever value_dim is. As in forward_tile.h, a row's bits do not depend on the rows that it
 * shares a tile with. */
#ifndef VARLEN_GPU_WIDE_FORWARD_TILE_H
#define VARLEN_GPU_WIDE_FORWARD_TILE_H

#include "call/scales.h"
#include "warp_tiles/tile_copies.h"
#include "warp_tiles/wide_forward_layout.h"

template <typename INSTANCE> struct wide_forward_work {
    using T = typename INSTANCE::T;
    using rule = typename INSTANCE::rule;
    using mask = typename rule::mask;
    using exponent = typename rule::template exponent<T>;
    using score_grid = typename INSTANCE::scores;
    using out_grid = typename INSTANCE::out;
    using scores_type = typename score_grid::sums;
    using out_type = typename out_grid::sums;
    using slab = typename INSTANCE::slab;
    using key_shares = copy_shares<INSTANCE::THREADS, INSTANCE::KEYS>;
    using score_rows = warp_score_rows<wide_forward_work>;
    using plain_ring = slab_ring<key_shares::pieces(INSTANCE::COLUMNS), INSTANCE::STAGES>;
    using ring_type = std::conditional_t<INSTANCE::QUANTIZED, typename INSTANCE::widened, plain_ring>;
    static constexpr int SLOTS = scores_type::SLOTS;
    static constexpr int COLUMNS = INSTANCE::COLUMNS;
    static_assert(!key_shares::SOME_IDLE, "each thread has keys to finish");

    const forward_arguments &args;
    const gpu_problem &problem;
    const forward_item &item;
    forward_shared &shared;
    wide_forward_memory<INSTANCE> memory;
    int32_t head_slabs;
    int32_t value_slabs;
    int32_t coming_chunk; /* of the slab that is copied next */
    int32_t coming_slab;  /* of the chunk's keys, then of its values */
    ring_type ring;
    fetched_scales<INSTANCE::THREADS, INSTANCE::KEYS> scales; /* of the next chunk, where they are quantised */
    philox_key dropout;
    out_type out[INSTANCE::VALUE_SLABS];
    value_unit<T> unit; /* of out, likewise */
    softmax_state<SLOTS> state;

    GPU_DEVICE wide_forward_work(const forward_arguments &arguments, forward_shared &its_shared)
        : args(arguments), problem(arguments.problem), item(its_shared.item),
          shared(its_shared), memory{shared_memory()}, ring(make_ring())
    {
        head_slabs = divide_up(problem.head_dim, (int32_t)COLUMNS);
        value_slabs = divide_up(problem.value_dim, (int32_t)COLUMNS);
        coming_chunk = item.keys.begin / INSTANCE::KEYS;
        coming_slab = 0;
        const int warp = thread_index() / WARP;
        if (thread_index() % WARP == 0)
            shared.warps[warp] = find_keys();
        warp_barrier();
        rule::find_key(dropout, problem);
    }

    GPU_DEVICE ring_type make_ring() const
    {
        if constexpr (INSTANCE::QUANTIZED)
            return ring_type((char *)memory.stage(0).data, memory.bytes(), problem.kv_dtype);
        else
            return ring_type();
    }

    GPU_DEVICE static bool has_scores()
    {
        return score_grid::THREADS == INSTANCE::THREADS || thread_index() < score_grid::THREADS;
    }

    GPU_DEVICE static int32_t key_warp()
    {
        return score_grid::column() / score_grid::WARP_COLUMNS;
    }

    GPU_DEVICE warp_keys find_keys() const
    {
        const int32_t row = score_grid::row();
        if (!has_scores() || row >= item.rows)
            return {};
        return find_warp_keys<mask>(problem, item, row, smaller(row + score_grid::WARP_ROWS, item.rows));
    }

    GPU_DEVICE const warp_keys &keys_of_warp() const
    {
        return shared.warps[thread_index() / WARP];
    }

    /* The row that a slot of this thread's scores stands for; past the tile's end, its last one. */
    GPU_DEVICE query_row row_of_slot(int slot) const
    {
        return shared.rows[smaller(score_grid::row() + scores_type::slot_row(slot), item.rows - 1)];
    }

    GPU_DEVICE void copy_queries() const
    {
        single_copies single;
        for (int32_t number = 0; number < head_slabs; number++) {
            const int32_t column = number * COLUMNS;
            copy_rows<copy_shares<INSTANCE::THREADS, INSTANCE::ROWS>>(
                single, 0, memory.q(number), item.rows, problem.head_dim - column,
                [&](int32_t row) { return shared.q_rows[row] + column * (int)sizeof(T); });
        }
    }

    /* Begins to copy the next slab of keys or values, if there is one: to a stage, or where bytes are widened from. */
    template <typename COPIES> GPU_DEVICE void copy_slab(COPIES &copies, int32_t stage)
    {
        const int32_t first = coming_chunk * INSTANCE::KEYS;
        if (first >= item.keys.end)
            return;
        const bool of_keys = coming_slab < head_slabs;
        const int32_t column = (of_keys ? coming_slab : coming_slab - head_slabs) * COLUMNS;
        const int32_t columns = (of_keys ? problem.head_dim : problem.value_dim) - column;
        gpu_key_rows rows = of_keys ? shared.keys : shared.values;
        if constexpr (INSTANCE::QUANTIZED) {
            rows.data += column;
            fetch_byte_rows<typename ring_type::shares>(copies, 0, rows, first, item.keys.end, columns);
        } else {
            rows.data += column * (int)sizeof(T);
            copy_keys<key_shares>(copies, 0, memory.stage(stage), rows, first, item.keys.end, columns);
        }
        coming_slab++;
        if (coming_slab == head_slabs + value_slabs) {
            coming_slab = 0;
            coming_chunk++;
        }
    }

    GPU_DEVICE void begin_slab()
    {
        ring.begin([&](auto &copies, int32_t stage) { copy_slab(copies, stage); });
    }

    GPU_DEVICE slab next_slab()
    {
        return memory.stage(ring.next([&](auto &copies, int32_t stage) { copy_slab(copies, stage); }));
    }

    /* Those of this chunk to shared memory; the next chunk's are on their way. */
    GPU_DEVICE void next_scales(int32_t first)
    {
        scales.store(memory.scales());
        scales.fetch(problem, item, first + INSTANCE::KEYS);
    }

    /* Products become scores; of each row, the largest of this warp, to the others. */
    GPU_DEVICE void find_scores(scores_type &scores, const score_rows &rows)
    {
        const gpu_span common = keys_of_warp().common;
        const int32_t first = rows.first_key();
        if constexpr (INSTANCE::QUANTIZED)
            scale_columns(scores, memory.scales().keys() + score_grid::column());
        rule::transform(scores, rows);
        if (first < common.begin || first + score_grid::WARP_COLUMNS > common.end) {
            mask_scores(scores, rows);
            rule::mask_pairs(scores, rows);
        }
        float largest[SLOTS];
        find_largest(scores, largest);
        share_rows(memory.of_key_warp(key_warp()), largest);
    }

    /* Of all warps. */
    GPU_DEVICE void get_largest(float (&largest)[SLOTS]) const
    {
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++) {
            largest[slot] = minus_infinity;
#pragma unroll
            for (int n = 0; n < INSTANCE::KEY_WARPS; n++)
                largest[slot] =
                    fmaxf(largest[slot], memory.of_key_warp(n)[score_grid::row() + scores_type::slot_row(slot)]);
        }
    }

    /* Scores become weights, in shared memory, with the factors of their rows, which have `ratio` in them. */
    GPU_DEVICE void find_weights(scores_type &scores, const score_rows &rows, float ratio)
    {
        float rescale[SLOTS];
        softmax_weigh_by<exponent>(scores, state, rescale, problem,
                                   [&](scores_type &, float(&largest)[SLOTS]) { get_largest(largest); });
        rule::drop(scores, rows, dropout);
        if constexpr (INSTANCE::QUANTIZED)
            scale_chunk(scores, rescale, ratio);
        if (key_warp() == 0)
            share_rows(memory.factors(), rescale);
        store_sums(memory.p(), score_grid::row(), score_grid::column(), scores);
    }

    /* Weights of a chunk's numbers become those of its values, in the unit that sums so far are brought to. */
    GPU_DEVICE void scale_chunk(scores_type &weights, float (&rescale)[SLOTS], float ratio) const
    {
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++)
            rescale[slot] *= ratio;
        scale_columns(weights, memory.scales().values() + score_grid::column(), unit.factor());
    }

    /* By all warps, which have the unit in common: what sums so far are to be multiplied by. */
    GPU_DEVICE float next_unit()
    {
        if constexpr (INSTANCE::QUANTIZED)
            return unit.template raise_to<INSTANCE::KEYS>(memory.scales().values());
        else
            return 1.0f;
    }

    /* A number of each of this warp's rows of scores. */
    GPU_DEVICE void share_rows(float *to, const float (&of_slot)[SLOTS]) const
    {
        if (sums_first_lane())
#pragma unroll
            for (int slot = 0; slot < SLOTS; slot++)
                to[score_grid::row() + scores_type::slot_row(slot)] = of_slot[slot];
    }

    /* The factors of this warp's rows of out. */
    GPU_DEVICE void get_factors(float (&of_slot)[out_type::SLOTS]) const
    {
#pragma unroll
        for (int slot = 0; slot < out_type::SLOTS; slot++)
            of_slot[slot] = memory.factors()[out_grid::row() + out_type::slot_row(slot)];
    }

    GPU_DEVICE bool has_out() const
    {
        return out_grid::row() < item.rows;
    }

    GPU_DEVICE void multiply_values()
    {
#pragma unroll
        for (int number = 0; number < INSTANCE::VALUE_SLABS; number++) {
            if (number >= value_slabs)
                continue;
            const slab values = next_slab();
            if (!has_out())
                continue;
            float rescale[out_type::SLOTS];
            get_factors(rescale);
            softmax_rescale(out[number], rescale);
            multiply_tiles<INSTANCE::KEYS>(out[number], memory.p(), out_grid::row(), values, out_grid::column());
        }
    }

    GPU_DEVICE void multiply_chunk(int32_t first)
    {
        const warp_keys keys = keys_of_warp();
        const score_rows rows = {*this, problem, item.sequence, first + score_grid::column()};
        const bool seen = has_scores() && rows.first_key() < keys.seen.end &&
                          rows.first_key() + score_grid::WARP_COLUMNS > keys.seen.begin;
        if constexpr (INSTANCE::QUANTIZED)
            next_scales(first);
        scores_type scores;
        scores.clear();
        for (int32_t number = 0; number < head_slabs; number++) {
            const slab some_keys = next_slab();
            if (seen)
                multiply_rows(scores, memory.q(number), score_grid::row(), some_keys, score_grid::column());
        }
        if (has_scores())
            find_scores(scores, rows);
        block_barrier();
        const float ratio = next_unit();
        if (has_scores())
            find_weights(scores, rows, ratio);
        multiply_values();
    }

    GPU_DEVICE void multiply_all()
    {
        const int32_t first_chunk = item.keys.begin / INSTANCE::KEYS;
        const int32_t end_chunk = divide_up(item.keys.end, (int32_t)INSTANCE::KEYS);
#pragma unroll
        for (int number = 0; number < INSTANCE::VALUE_SLABS; number++)
            out[number].clear();
        state.clear();
        unit.clear();
        if (first_chunk < end_chunk) {
            copy_queries();
#pragma unroll
            for (int n = 0; n < ring.AHEAD; n++)
                begin_slab();
            if constexpr (INSTANCE::QUANTIZED)
                scales.fetch(problem, item, first_chunk * INSTANCE::KEYS);
        }
        for (int32_t chunk = first_chunk; chunk < end_chunk; chunk++)
            multiply_chunk(chunk * INSTANCE::KEYS);
        if constexpr (INSTANCE::QUANTIZED)
#pragma unroll
            for (int number = 0; number < INSTANCE::VALUE_SLABS; number++)
                unit.finish(out[number]);
    }
};

#endif
