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

/* Where the chunk of a position or key begins, which may lie before the first key. */
static inline int64_t cpu_chunk_begin(const varlen_attention *attention, int64_t position)
{
    int64_t place = position % attention->attention_chunk;
    return position - place - (place < 0 ? attention->attention_chunk : 0);
}

/* Whether rows have ranges of keys of their own. */
static inline int cpu_has_ranges(const cpu_sequence *sequence)
{
    return sequence->key_begin || sequence->key_end;
}

/* From the first to the last key that mask, window and chunks show to some query in first .. end - 1. */
static inline cpu_span cpu_keys_in_reach(const varlen_attention *attention, const cpu_sequence *sequence, int64_t first,
                                         int64_t end)
{
    int64_t shift = sequence->shift;
    int64_t begin_key = 0;
    int64_t end_key = sequence->keys;
    if (attention->window_left != VARLEN_UNBOUNDED)
        begin_key = first + shift - attention->window_left;
    if (attention->window_right != VARLEN_UNBOUNDED)
        end_key = end + shift + attention->window_right;
    if (attention->attention_chunk > 0) {
        begin_key = cpu_max(begin_key, cpu_chunk_begin(attention, first + shift));
        end_key = cpu_min(end_key, cpu_chunk_begin(attention, end - 1 + shift) + attention->attention_chunk);
    }
    return cpu_span_within(begin_key, end_key, sequence->keys);
}

/* The keys between the first and the last that one query sees, its tree mask left aside. */
static inline cpu_span cpu_keys_of_query(const varlen_attention *attention, const cpu_sequence *sequence, int64_t query)
{
    cpu_span keys = cpu_keys_in_reach(attention, sequence, query, query + 1);
    if (sequence->key_begin)
        keys.begin = cpu_max(keys.begin, sequence->key_begin[query]);
    if (sequence->key_end)
        keys.end = cpu_min(keys.end, sequence->key_end[query]);
    return keys.begin < keys.end ? keys : (cpu_span){0, 0};
}

/* From the first to the last key that some query in first .. end - 1 sees. */
static inline cpu_span cpu_keys_seen_by(const varlen_attention *attention, const cpu_sequence *sequence, int64_t first,
                                        int64_t end)
{
    if (!cpu_has_ranges(sequence))
        return cpu_keys_in_reach(attention, sequence, first, end);
    cpu_span seen = {sequence->keys, 0};
    for (int64_t query = first; query < end; query++) {
        cpu_span own = cpu_keys_of_query(attention, sequence, query);
        seen.begin = own.begin < own.end ? cpu_min(seen.begin, own.begin) : seen.begin;
        seen.end = cpu_max(seen.end, own.end);
    }
    return seen.begin < seen.end ? seen : (cpu_span){0, 0};
}

/* From the first to the last query to which mask, window and chunks show some key in first .. end - 1: those that see
 * one are among them. */
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
    if (attention->attention_chunk > 0) {
        begin_query = cpu_max(begin_query, cpu_chunk_begin(attention, first) - shift);
        end_query = cpu_min(end_query, cpu_chunk_begin(attention, end - 1) + attention->attention_chunk - shift);
    }
    return cpu_span_within(begin_query, end_query, sequence->queries);
}

#endif
