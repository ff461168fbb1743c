/* What the plan finds out of rows that have ranges of keys of their own, before it cuts sequences into items: bounds of
 * every few neighbouring rows, and whether all keep the rules. */
#ifndef VARLEN_GPU_ROW_BOUNDS_H
#define VARLEN_GPU_ROW_BOUNDS_H

#include "plan/batch_rules.h"

/* The sequence whose bounds a number is among, if any are. */
GPU_DEVICE int32_t sequence_of_bound(const gpu_problem &problem, int32_t number)
{
    int32_t low = 0;
    int32_t high = problem.metadata.batch - 1;
    while (low < high) {
        const int32_t middle = low + (high - low + 1) / 2;
        if (first_bound(problem, middle) <= number)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

struct found_bounds {
    row_bounds bounds;
    bool break_rules; /* those of some row */
};

/* Of queries first .. end - 1. */
GPU_DEVICE found_bounds find_bounds(const gpu_problem &problem, const gpu_sequence &sequence, int32_t first,
                                    int32_t end)
{
    found_bounds found = {{sequence.keys, 0, 0, sequence.keys}, false};
    row_bounds &bounds = found.bounds;
    for (int32_t query = first; query < end; query++) {
        const gpu_span range = row_mask::range_of_query(problem, sequence, query);
        bounds.least_begin = smaller(bounds.least_begin, range.begin);
        bounds.largest_end = larger(bounds.largest_end, range.end);
        bounds.largest_begin = larger(bounds.largest_begin, range.begin);
        bounds.least_end = smaller(bounds.least_end, range.end);
    }
    found.break_rules = bounds.least_begin < 0 || bounds.largest_begin > sequence.keys || bounds.least_end < 0 ||
                        bounds.largest_end > sequence.keys;
    return found;
}

/* Writes the bounds of all rows, and raises `widest`, if there is one, to the most keys between those of any bounds of
 * each sequence. Returns the place of the first violation that this thread comes upon. */
template <int THREADS>
GPU_DEVICE uint64_t find_all_bounds(const gpu_problem &problem, row_bounds *bounds, int32_t *widest, int32_t validate)
{
    const gpu_metadata &metadata = problem.metadata;
    uint64_t first = no_violation;
    const int32_t count = metadata.batch > 0 ? first_bound(problem, metadata.batch) : 0;
    for (int32_t number = thread_index(); number < count; number += THREADS) {
        const gpu_sequence sequence = sequence_at(problem, sequence_of_bound(problem, number));
        const int32_t query = (number - first_bound(problem, sequence.index)) * BOUND_QUERIES;
        if (query >= sequence.queries)
            continue;
        const found_bounds found =
            find_bounds(problem, sequence, query, smaller(query + (int32_t)BOUND_QUERIES, sequence.queries));
        bounds[number] = found.bounds;
        if (widest)
            atomic_max(&widest[sequence.index], found.bounds.largest_end - found.bounds.least_begin);
        if (validate && found.break_rules)
            first = smaller(first, violation_place(STAGE_ROWS, sequence.index));
    }
    return first;
}

/* The place of the first sequence whose tree mask has too few bits. */
template <int THREADS> GPU_DEVICE uint64_t inspect_trees(const gpu_problem &problem)
{
    for (int32_t b = thread_index(); b < problem.metadata.batch; b += THREADS)
        if (sequence_at(problem, b).queries > TREE_QUERIES)
            return violation_place(STAGE_ROWS, b);
    return no_violation;
}

/* By all threads of a block, of a batch whose lengths keep their rules. What is not asked for costs nothing. */
template <int THREADS>
GPU_DEVICE uint64_t find_rows(const gpu_problem &problem, row_bounds *bounds, int32_t *widest, int32_t validate)
{
    uint64_t first = no_violation;
    if (problem.bounds)
        first = find_all_bounds<THREADS>(problem, bounds, widest, validate);
    if (problem.tree_mask && validate)
        first = smaller(first, inspect_trees<THREADS>(problem));
    return first;
}

#endif
