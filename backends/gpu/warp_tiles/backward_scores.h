/* P and dS of a chunk of rows against an item's keys. */
#ifndef VARLEN_GPU_BACKWARD_SCORES_H
#define VARLEN_GPU_BACKWARD_SCORES_H

#include "warp_tiles/backward_layout.h"

/* A warp's part: what the score steps ask, see call/score_steps.h. */
template <typename INSTANCE> struct backward_score_rows {
    using grid = typename INSTANCE::scores;

    const gpu_problem &problem;
    const gpu_sequence &sequence;
    const backward_item &item;
    const backward_memory<INSTANCE> &memory;
    int32_t chunk;
    int stage;

    GPU_DEVICE int32_t first_key() const
    {
        return item.first_key + grid::column();
    }

    /* Of the chunk of rows, counted in the sequence. */
    GPU_DEVICE int32_t first_row() const
    {
        return chunk * INSTANCE::ROWS;
    }

    GPU_DEVICE int32_t rows() const
    {
        return rows_of_chunk<INSTANCE>(item, chunk);
    }

    /* Past the end, the last one. */
    GPU_DEVICE query_row row(int slot) const
    {
        return query_row_at(problem, item.kv_head,
                            first_row() + smaller(grid::row() + grid::sums::slot_row(slot), rows() - 1));
    }

    /* Nothing, past the end. */
    GPU_DEVICE gpu_span seen(int slot) const
    {
        const int32_t query = row(slot).query;
        const gpu_span seen = keys_seen_by(problem, sequence, query, query + 1);
        return {seen.begin, grid::row() + grid::sums::slot_row(slot) < rows() ? seen.end : seen.begin};
    }

    GPU_DEVICE float lse(int slot) const
    {
        return memory.statistics(stage)[grid::row() + grid::sums::slot_row(slot)];
    }

    GPU_DEVICE float delta(int slot) const
    {
        return memory.statistics(stage)[INSTANCE::ROWS + grid::row() + grid::sums::slot_row(slot)];
    }
};

/* Whether a warp's part is seen by any row, and whether by all of them. */
struct visibility {
    bool any;
    bool all;
};

template <typename INSTANCE> GPU_DEVICE visibility visibility_of(const backward_score_rows<INSTANCE> &part)
{
    using grid = typename INSTANCE::scores;
    const gpu_problem &problem = part.problem;
    const int32_t row = grid::row();
    const int32_t end_row = smaller(row + grid::WARP_ROWS, part.rows());
    const int32_t end_key = part.first_key() + grid::WARP_COLUMNS;
    if (row >= end_row)
        return {false, false};
    const gpu_span some = keys_of_rows(problem, part.sequence, part.first_row() + row, end_row - row);
    const gpu_span every = keys_seen_by_all(problem, part.sequence, divide(part.first_row() + row, problem.group),
                                            divide(part.first_row() + end_row - 1, problem.group) + 1);
    return {part.first_key() < some.end && end_key > some.begin,
            end_row == row + grid::WARP_ROWS && part.first_key() >= every.begin && end_key <= every.end};
}

/* Those of this warp, into shared memory. */
template <typename INSTANCE>
GPU_DEVICE void find_weights(const backward_arguments &args, const backward_item &item,
                             const backward_memory<INSTANCE> &memory, int32_t chunk, int stage)
{
    using grid = typename INSTANCE::scores;
    using rule = typename INSTANCE::rule;
    if (grid::THREADS < INSTANCE::THREADS && thread_index() >= grid::THREADS)
        return;
    const backward_score_rows<INSTANCE> rows = {args.problem, item.sequence, item, memory, chunk, stage};
    visibility seen = {true, true};
    if (chunk < item.first_whole || chunk >= item.end_whole)
        seen = visibility_of(rows);
    typename grid::sums weights;
    typename grid::sums gradients;
    weights.clear();
    gradients.clear();
    if (seen.any) {
        multiply_rows(weights, memory.q(stage), grid::row(), memory.k(), grid::column());
        if (!seen.all)
            mask_scores(weights, rows);
        rule::weigh(weights, rows);
        multiply_rows(gradients, memory.dout(stage), grid::row(), memory.v(), grid::column());
        rule::differentiate(gradients, weights, rows);
    }
    store_sums(memory.p(), grid::row(), grid::column(), weights);
    store_sums(memory.ds(), grid::row(), grid::column(), gradients);
}

#endif
