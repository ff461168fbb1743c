/* Backward attention of one item where heads are wide: a tile of keys against the chunks of query rows that see it, as
 * in backward_tile.h, but all rows come in slabs, once for the scores and once for the gradients:
 *
 *     for each chunk of rows:
 *         for each slab of q and k:     S += Q K^T
 *         for each slab of dout and v:  dP += dO V^T
 *         P and dS of them, rounded, to shared memory
 *         for each slab of dout:        dV += P^T dO                  [key][column], kept in registers
 *         for each slab of q and k:     dK += dS^T Q,  dQ = dS K      the latter added to a sum over tiles
 *     dk = scale * dK, dv = dV */
#ifndef VARLEN_GPU_WIDE_BACKWARD_TILE_H
#define VARLEN_GPU_WIDE_BACKWARD_TILE_H

#include "warp_tiles/backward_results.h"
#include "warp_tiles/backward_scores.h"
#include "warp_tiles/wide_backward_copies.h"

/* A warp's part of a slab of dq sums, of the chunk of rows that has this number among those that are summed. */
template <typename INSTANCE> GPU_DEVICE float *wide_dq_sums(const backward_arguments &args, int64_t number, int slab)
{
    using grid = typename INSTANCE::dq;
    constexpr int floats = INSTANCE::ROWS * INSTANCE::COLUMNS;
    return args.dq_sums + (number * INSTANCE::HEAD_SLABS + slab) * floats +
           thread_index() / WARP * (grid::WARP_ROWS * grid::WARP_COLUMNS);
}

/* A warp's part of a slab into rows of an output of `dim` columns. */
template <typename INSTANCE, typename GRID, typename ADDRESS>
GPU_DEVICE void store_slab(typename GRID::sums &sums, int slab, int32_t rows, int32_t dim, ADDRESS address)
{
    using T = typename INSTANCE::T;
    const int32_t column = slab * INSTANCE::COLUMNS;
    store_part<T, GRID>(sums, rows, dim - column, [&](int32_t row) { return address(row) + column * (int)sizeof(T); });
}

template <typename INSTANCE>
GPU_DEVICE void store_dq_slab(const backward_arguments &args, const gpu_sequence &sequence, int32_t kv_head,
                              int32_t first_row, int32_t rows, typename INSTANCE::dq::sums &dq, int slab)
{
    const gpu_problem &problem = args.problem;
    scale_sums(dq, problem.scale);
    store_slab<INSTANCE, typename INSTANCE::dq>(dq, slab, rows, problem.head_dim, [&](int32_t row) {
        return query_row_address(problem, args.dq, sequence, kv_head, first_row + row);
    });
}

template <typename INSTANCE> struct wide_backward_work {
    using score_grid = typename INSTANCE::scores;
    using dk_grid = typename INSTANCE::dk;
    using dq_grid = typename INSTANCE::dq;
    using rule = typename INSTANCE::rule;
    static constexpr int ROWS = INSTANCE::ROWS;

    const backward_arguments &args;
    const backward_item &item;
    wide_backward_copies<INSTANCE> copies;
    wide_backward_memory<INSTANCE> memory;
    typename dk_grid::sums dk[INSTANCE::HEAD_SLABS];
    typename dk_grid::sums dv[INSTANCE::VALUE_SLABS];

    GPU_DEVICE wide_backward_work(const backward_arguments &arguments, const backward_item &its_item)
        : args(arguments), item(its_item), copies(arguments, its_item), memory(copies.memory)
    {
    }

    GPU_DEVICE static bool has_scores()
    {
        return score_grid::THREADS == INSTANCE::THREADS || thread_index() < score_grid::THREADS;
    }

    /* Products of so many slabs of rows and keys. */
    GPU_DEVICE void multiply_slabs(typename score_grid::sums &sums, int32_t slabs, bool seen)
    {
        for (int32_t n = 0; n < slabs; n++) {
            const int32_t stage = copies.next();
            if (seen)
                multiply_rows(sums, memory.rows(stage), score_grid::row(), memory.keys(stage), score_grid::column());
        }
    }

    /* P and dS of this warp, into shared memory. */
    GPU_DEVICE void find_weights(int32_t chunk)
    {
        const backward_score_rows<INSTANCE> rows = {
            args.problem, item.sequence,       item, memory, spans_of_chunk<rule>(args, item, chunk),
            chunk,        chunk % KNOWN_CHUNKS};
        visibility seen = {has_scores(), has_scores()};
        if (has_scores() && (chunk < item.first_whole || chunk >= item.end_whole))
            seen = visibility_of(rows);
        typename score_grid::sums weights;
        typename score_grid::sums gradients;
        weights.clear();
        gradients.clear();
        multiply_slabs(weights, copies.head_slabs, seen.any);
        multiply_slabs(gradients, copies.value_slabs, seen.any);
        if (!has_scores())
            return;
        if (seen.any) {
            if (!seen.all)
                mask_scores(weights, rows);
            rule::weigh(weights, rows);
            rule::differentiate(gradients, weights, rows);
        }
        store_sums(memory.p(), score_grid::row(), score_grid::column(), weights);
        store_sums(memory.ds(), score_grid::row(), score_grid::column(), gradients);
    }

    GPU_DEVICE void multiply_values()
    {
#pragma unroll
        for (int n = 0; n < INSTANCE::VALUE_SLABS; n++) {
            if (n >= copies.value_slabs)
                continue;
            const int32_t stage = copies.next(); /* and P and dS are there */
            multiply_columns<ROWS>(dv[n], memory.p(), dk_grid::row(), memory.rows(stage), dk_grid::column());
        }
    }

    /* A slab of dq, of a chunk of rows that is summed if it has a number. */
    GPU_DEVICE void find_dq(int32_t chunk, bool summed, int32_t stage, int slab)
    {
        typename dq_grid::sums dq;
        dq.clear();
        multiply_tiles<INSTANCE::KEYS>(dq, memory.ds(), dq_grid::row(), memory.keys(stage), dq_grid::column());
        if (summed)
            add_flat_sums(wide_dq_sums<INSTANCE>(args, sum_number(args, item, chunk), slab), dq);
        else
            store_dq_slab<INSTANCE>(args, item.sequence, item.kv_head, chunk * ROWS,
                                    rows_of_chunk<INSTANCE>(item, chunk), dq, slab);
    }

    GPU_DEVICE void multiply_keys(int32_t chunk)
    {
        const bool summed = dq_is_summed(item.sequence, args.cut);
        const chunk_turn turn = summed ? turn_of<INSTANCE>(args, item, chunk) : chunk_turn{0, false};
        int32_t *turns = turn.exists ? args.turns + sum_number(args, item, chunk) : nullptr;
        if (turns)
            await_turn(turns, turn.number);
#pragma unroll
        for (int n = 0; n < INSTANCE::HEAD_SLABS; n++) {
            if (n >= copies.head_slabs)
                continue;
            const int32_t stage = copies.next();
            multiply_columns<ROWS>(dk[n], memory.ds(), dk_grid::row(), memory.rows(stage), dk_grid::column());
            find_dq(chunk, summed, stage, n);
        }
        if (turns)
            end_turn(turns);
    }

    GPU_DEVICE void store_dk_and_dv()
    {
        const gpu_problem &problem = args.problem;
        const int64_t first = (int64_t)item.sequence.first_key + item.first_key;
#pragma unroll
        for (int n = 0; n < INSTANCE::HEAD_SLABS; n++) {
            scale_sums(dk[n], problem.scale);
            store_slab<INSTANCE, dk_grid>(dk[n], n, item.keys, problem.head_dim,
                                          [&](int32_t row) { return tensor_row(args.dk, first + row, item.kv_head); });
        }
#pragma unroll
        for (int n = 0; n < INSTANCE::VALUE_SLABS; n++)
            store_slab<INSTANCE, dk_grid>(dv[n], n, item.keys, problem.value_dim,
                                          [&](int32_t row) { return tensor_row(args.dv, first + row, item.kv_head); });
    }

    GPU_DEVICE void multiply_all()
    {
#pragma unroll
        for (int n = 0; n < INSTANCE::HEAD_SLABS; n++)
            dk[n].clear();
#pragma unroll
        for (int n = 0; n < INSTANCE::VALUE_SLABS; n++)
            dv[n].clear();
        if (item.first_chunk < item.end_chunk)
            copies.begin();
        for (int32_t chunk = item.first_chunk; chunk < item.end_chunk; chunk++) {
            copies.locate_chunk(chunk + 1);
            find_weights(chunk);
            multiply_values();
            multiply_keys(chunk);
        }
        store_dk_and_dv();
    }
};

#endif
