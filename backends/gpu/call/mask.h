/* Which keys queries see, within a sequence. A mask answers four questions, of any ranges of queries and keys: kernels
 * of the plain rule have that of a band, which costs them least; all others have that of rows, where each may have
 * bounds of its own. Answers of a row_mask to ranges may be wider than asked for where `some` is the question, and
 * narrower where `all` is; those to a single query are exact, but for tree masks, which are about single pairs. */
#ifndef VARLEN_GPU_MASK_H
#define VARLEN_GPU_MASK_H

#include "call/sequence.h"

/* Causal masks and windows. */
struct band_mask {
    static constexpr bool BY_ROWS = false; /* rows that see a key need not be neighbours */

    /* From the first to the last key that some query in first .. end - 1 sees. */
    GPU_DEVICE static gpu_span keys_seen_by(const gpu_problem &problem, const gpu_sequence &sequence, int32_t first,
                                            int32_t end)
    {
        gpu_span span = {0, sequence.keys};
        if (problem.window_left != VARLEN_UNBOUNDED)
            span.begin = clamped((int64_t)first + sequence.shift - problem.window_left, sequence.keys);
        if (problem.window_right != VARLEN_UNBOUNDED)
            span.end = clamped((int64_t)end + sequence.shift + problem.window_right, sequence.keys);
        return span;
    }

    /* Keys that every query in first .. end - 1 sees. */
    GPU_DEVICE static gpu_span keys_seen_by_all(const gpu_problem &problem, const gpu_sequence &sequence, int32_t first,
                                                int32_t end)
    {
        gpu_span span = {0, sequence.keys};
        if (problem.window_left != VARLEN_UNBOUNDED)
            span.begin = clamped((int64_t)end - 1 + sequence.shift - problem.window_left, sequence.keys);
        if (problem.window_right != VARLEN_UNBOUNDED)
            span.end = clamped((int64_t)first + 1 + sequence.shift + problem.window_right, sequence.keys);
        return span;
    }

    /* From the first to the last query that sees some key in first .. end - 1. */
    GPU_DEVICE static gpu_span queries_that_see(const gpu_problem &problem, const gpu_sequence &sequence, int32_t first,
                                                int32_t end)
    {
        gpu_span span = {0, sequence.queries};
        if (problem.window_right != VARLEN_UNBOUNDED)
            span.begin = clamped((int64_t)first - problem.window_right - sequence.shift, sequence.queries);
        if (problem.window_left != VARLEN_UNBOUNDED)
            span.end = clamped((int64_t)end + problem.window_left - sequence.shift, sequence.queries);
        return span;
    }

    /* Queries that see every key in first .. end - 1. */
    GPU_DEVICE static gpu_span queries_that_see_all(const gpu_problem &problem, const gpu_sequence &sequence,
                                                    int32_t first, int32_t end)
    {
        gpu_span span = {0, sequence.queries};
        if (problem.window_right != VARLEN_UNBOUNDED)
            span.begin = clamped((int64_t)end - 1 - problem.window_right - sequence.shift, sequence.queries);
        if (problem.window_left != VARLEN_UNBOUNDED)
            span.end = clamped((int64_t)first + 1 + problem.window_left - sequence.shift, sequence.queries);
        return span;
    }
};

enum {
    BOUND_QUERIES = 16, /* of a sequence, that share a row_bounds */
    TREE_QUERIES = 64,  /* bits of a word of a tree mask */
};

/* Bounds of sequence b begin with this number, as first_row_chunk numbers chunks. */
GPU_DEVICE int32_t first_bound(const gpu_problem &problem, int32_t b)
{
    const int32_t query = problem.metadata.cu_seqlens_q[b];
    return query / BOUND_QUERIES + smaller(b, query);
}

GPU_DEVICE gpu_span intersection(const gpu_span &a, const gpu_span &b)
{
    return {larger(a.begin, b.begin), smaller(a.end, b.end)};
}

/* Those, of the same chunk as the query's position, and within key_begin and key_end. */
struct row_mask {
    static constexpr bool BY_ROWS = true;

    GPU_DEVICE static gpu_span keys_seen_by(const gpu_problem &problem, const gpu_sequence &sequence, int32_t first,
                                            int32_t end)
    {
        gpu_span span = band_mask::keys_seen_by(problem, sequence, first, end);
        if (problem.chunk.divisor)
            span = intersection(
                span, {chunk_of_query(problem, sequence, first).begin, chunk_of_query(problem, sequence, end - 1).end});
        if (problem.bounds)
            span = intersection(span, end - first == 1 ? range_of_query(problem, sequence, first)
                                                       : ranges_seen_by(problem, sequence, first, end));
        return span;
    }

    GPU_DEVICE static gpu_span keys_seen_by_all(const gpu_problem &problem, const gpu_sequence &sequence, int32_t first,
                                                int32_t end)
    {
        gpu_span span = band_mask::keys_seen_by_all(problem, sequence, first, end);
        if (problem.chunk.divisor)
            span = intersection(
                span, {chunk_of_query(problem, sequence, end - 1).begin, chunk_of_query(problem, sequence, first).end});
        if (problem.bounds)
            span = intersection(span, ranges_seen_by_all(problem, sequence, first, end));
        if (problem.tree_mask)
            span.end = smaller(span.end, sequence.keys - sequence.queries);
        return span;
    }

    /* The most keys that one query may see; ranges of rows do not narrow it. */
    GPU_DEVICE static int32_t most_seen(const gpu_problem &problem, const gpu_sequence &sequence)
    {
        int64_t most = sequence.keys;
        if (problem.window_left != VARLEN_UNBOUNDED && problem.window_right != VARLEN_UNBOUNDED)
            most = smaller(most, (int64_t)problem.window_left + problem.window_right + 1);
        if (problem.chunk.divisor)
            most = smaller(most, (int64_t)problem.chunk.divisor);
        return (int32_t)most;
    }

    /* Ranges of rows do not narrow it. */
    GPU_DEVICE static gpu_span queries_that_see(const gpu_problem &problem, const gpu_sequence &sequence, int32_t first,
                                                int32_t end)
    {
        gpu_span span = band_mask::queries_that_see(problem, sequence, first, end);
        if (problem.chunk.divisor)
            span = intersection(span, {queries_of_chunk(problem, sequence, first).begin,
                                       queries_of_chunk(problem, sequence, end - 1).end});
        return span;
    }

    GPU_DEVICE static gpu_span queries_that_see_all(const gpu_problem &problem, const gpu_sequence &sequence,
                                                    int32_t first, int32_t end)
    {
        if (problem.bounds)
            return {0, 0};
        gpu_span span = band_mask::queries_that_see_all(problem, sequence, first, end);
        if (problem.chunk.divisor)
            span = intersection(span, {queries_of_chunk(problem, sequence, end - 1).begin,
                                       queries_of_chunk(problem, sequence, first).end});
        return span;
    }

    /* Keys of the chunk that a query's position is in; none before the first. */
    GPU_DEVICE static gpu_span chunk_of_query(const gpu_problem &problem, const gpu_sequence &sequence, int32_t query)
    {
        const int64_t position = (int64_t)query + sequence.shift;
        if (position < 0)
            return {0, 0};
        const int64_t begin =
            (int64_t)divide((int32_t)smaller(position, (int64_t)INT32_MAX), problem.chunk) * problem.chunk.divisor;
        return {clamped(begin, sequence.keys), clamped(begin + problem.chunk.divisor, sequence.keys)};
    }

    /* Queries whose position is in the chunk of a key. */
    GPU_DEVICE static gpu_span queries_of_chunk(const gpu_problem &problem, const gpu_sequence &sequence, int32_t key)
    {
        const int64_t begin = (int64_t)divide(key, problem.chunk) * problem.chunk.divisor - sequence.shift;
        return {clamped(begin, sequence.queries), clamped(begin + problem.chunk.divisor, sequence.queries)};
    }

    GPU_DEVICE static gpu_span range_of_query(const gpu_problem &problem, const gpu_sequence &sequence, int32_t query)
    {
        const int64_t row = (int64_t)sequence.first_query + query;
        return {problem.key_begin ? problem.key_begin[row] : 0, problem.key_end ? problem.key_end[row] : sequence.keys};
    }

    GPU_DEVICE static gpu_span ranges_seen_by(const gpu_problem &problem, const gpu_sequence &sequence, int32_t first,
                                              int32_t end)
    {
        const row_bounds *bounds = problem.bounds + first_bound(problem, sequence.index);
        gpu_span span = {sequence.keys, 0};
        for (int32_t n = first / BOUND_QUERIES; n <= (end - 1) / BOUND_QUERIES; n++)
            span = {smaller(span.begin, bounds[n].least_begin), larger(span.end, bounds[n].largest_end)};
        return span;
    }

    GPU_DEVICE static gpu_span ranges_seen_by_all(const gpu_problem &problem, const gpu_sequence &sequence,
                                                  int32_t first, int32_t end)
    {
        const row_bounds *bounds = problem.bounds + first_bound(problem, sequence.index);
        gpu_span span = {0, sequence.keys};
        for (int32_t n = first / BOUND_QUERIES; n <= (end - 1) / BOUND_QUERIES; n++)
            span = intersection(span, {bounds[n].largest_begin, bounds[n].least_end});
        return span;
    }
};

/* What a word of a tree mask shows of a key and the 31 behind it, a bit each. Keys are counted from that beside the
 * first query: those before it are all shown, and none behind the word's bits. */
GPU_DEVICE uint32_t tree_bits(uint64_t word, int32_t key)
{
    if (key >= 0)
        return key < TREE_QUERIES ? (uint32_t)(word >> key) : 0;
    return key > -32 ? (uint32_t)(word << -key) | ~(~0u << -key) : ~0u;
}

#endif
