/* What a mask lets through between ranges of queries and keys of one sequence. */
#ifndef VARLEN_CPU_SPAN_H
#define VARLEN_CPU_SPAN_H

#include "sequence.h"

typedef struct cpu_span {
    int64_t begin;
    int64_t end; /* begin if empty */
} cpu_span;

static inline int64_t cpu_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t cpu_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline cpu_span cpu_span_within(int64_t begin, int64_t end, int64_t limit)
{
    begin = cpu_max(begin, 0);
    end = cpu_min(end, limit);
    return begin < end ? (cpu_span){begin, end} : (cpu_span){0, 0};
}

/* From the first to the last key that some query in first .. end - 1 sees. */
static inline cpu_span cpu_keys_seen_by(const varlen_attention *attention, const cpu_sequence *sequence, int64_t first,
                                        int64_t end)
{
    int64_t shift = sequence->shift;
    int64_t begin_key = 0;
    int64_t end_key = sequence->keys;
    if (attention->window_left != VARLEN_UNBOUNDED)
        begin_key = first + shift - attention->window_left;
    if (attention->window_right != VARLEN_UNBOUNDED)
        end_key = end + shift + attention->window_right;
    return cpu_span_within(begin_key, end_key, sequence->keys);
}

/* From the first to the last query that sees some key in first .. end - 1. */
static inline cpu_span cpu_queries_that_see(const varlen_attention *attention, const cpu_sequence *sequence,
                                            int64_t first, int64_t end)
{
    int64_t shift = sequence->shift;
    int64_t begin_query = 0;
    int64_t end_query = sequence->queries;
    if (attention->window_right != VARLEN_UNBOUNDED)
        begin_query = first - attention->window_right - shift;
    if (attention->window_left != VARLEN_UNBOUNDED)
        end_query = end + attention->window_left - shift;
    return cpu_span_within(begin_query, end_query, sequence->queries);
}

#endif
