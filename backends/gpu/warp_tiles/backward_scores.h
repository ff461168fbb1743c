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
    const gpu_span *spans; /* of the chunk's rows, as chunk_spans has them; NULL: a band tells all */
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
        const int32_t row = grid::row() + grid::sums::slot_row(slot);
        if (spans)
            return spans[row];
        const int32_t query = this->row(slot).query;
        const gpu_span seen = band_mask::keys_seen_by(problem, sequence, query, query + 1);
        return {seen.begin, row < rows() ? seen.end : seen.begin};
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

/* Keys that some of the rows from `row` to `end` - 1 of a chunk see; where rows have spans, that some of the chunk do.
 */
template <typename INSTANCE>
GPU_DEVICE gpu_span seen_by_some(const backward_score_rows<INSTANCE> &part, int32_t row, int32_t end)
{
    if (part.spans)
        return part.spans[INSTANCE::ROWS + 1];
    return keys_of_rows<band_mask>(part.problem, part.sequence, part.first_row() + row, end - row);
}

/* Likewise, that all of them see. */
template <typename INSTANCE>
GPU_DEVICE gpu_span seen_by_all(const backward_score_rows<INSTANCE> &part, int32_t row, int32_t end)
{
    if (part.spans)
        return part.spans[INSTANCE::ROWS];
    return band_mask::keys_seen_by_all(part.problem, part.sequence, divide(part.first_row() + row, part.problem.group),
                                       divide(part.first_row() + end - 1, part.problem.group) + 1);
}

template <typename INSTANCE> GPU_DEVICE visibility visibility_of(const backward_score_rows<INSTANCE> &part)
{
    using grid = typename INSTANCE::scores;
    const int32_t row = grid::row();
    const int32_t end_row = smaller(row + grid::WARP_ROWS, part.rows());
    const int32_t end_key = part.first_key() + grid::WARP_COLUMNS;
    if (row >= end_row)
        return {false, false};
    const gpu_span some = seen_by_some(part, row, end_row);
    const gpu_span every = seen_by_all(part, row, end_row);
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
    const backward_score_rows<INSTANCE> rows = {
        args.problem, item.sequence, item, memory, spans_of_chunk<rule>(args, item, chunk), chunk, stage};
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
