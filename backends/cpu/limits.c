#include "limits.h"

#include "../workspace_size.h"
#include "span.h"
#include "splits.h"

#include <stdbool.h>

/* Rows of queries under one kv head. */
static int64_t query_rows(const varlen_attention *attention)
{
    return attention->total_q * cpu_group(attention);
}

/* Sequences that have queries. */
static int64_t sequences_with_queries(const varlen_attention *attention)
{
    return cpu_min(attention->batch, attention->total_q);
}

/* Whether sequences may have the same keys, so that all together may have more than there are. */
static bool keys_are_shared(const varlen_attention *attention)
{
    return attention->page_size > 0 || attention->features & VARLEN_FEATURE_KEY_STARTS;
}

/* Sequences that have queries, and more than so many keys. */
static int64_t sequences_with_keys(const varlen_attention *attention, int64_t keys)
{
    int64_t sequences = sequences_with_queries(attention);
    return keys_are_shared(attention) ? sequences : cpu_min(sequences, attention->total_k / (keys + 1));
}

/* What split keys make of any batch, under one kv head. */
typedef struct split_limits {
    int64_t sequences; /* whose keys are split */
    int64_t rows;      /* of one of them */
    int64_t parts;     /* likewise */
    int64_t extra;     /* parts of all of them besides their first ones */
} split_limits;

static split_limits split_limits_of(const varlen_attention *attention)
{
    int64_t group = cpu_group(attention);
    int64_t slot =
        attention->page_size > 0 ? (int64_t)attention->page_table_width * attention->page_size : attention->total_k;
    int64_t longest = attention->max_seqlen_k > 0 ? cpu_min(slot, attention->max_seqlen_k) : slot;
    split_limits limits = {.parts = cpu_min(longest > 0 ? (longest - 1) / SPLIT_KEYS + 1 : 1, SPLIT_PARTS)};
    if (limits.parts == 1 || group > SPLIT_ROWS)
        return (split_limits){0};
    limits.sequences = sequences_with_keys(attention, SPLIT_KEYS);
    limits.rows = SPLIT_ROWS / group * group;
    if (attention->max_seqlen_q > 0)
        limits.rows = cpu_min(limits.rows, attention->max_seqlen_q * group);
    limits.extra = limits.sequences * (limits.parts - 1);
    if (!keys_are_shared(attention))
        limits.extra = cpu_min(limits.extra, attention->total_k / SPLIT_KEYS);
    return limits;
}

size_t cpu_forward_task_limit(const varlen_attention *attention, int32_t tile_rows)
{
    int64_t tiles = query_rows(attention) / tile_rows + sequences_with_queries(attention);
    return (size_t)(tiles + split_limits_of(attention).extra);
}

size_t cpu_backward_task_limit(const varlen_attention *attention, int32_t tile_keys)
{
    return (size_t)(attention->total_k / tile_keys + cpu_min(attention->batch, attention->total_k));
}

size_t cpu_partial_limit(const varlen_attention *attention)
{
    split_limits limits = split_limits_of(attention);
    int64_t rows = cpu_min(query_rows(attention), limits.sequences * limits.rows);
    return (size_t)cpu_min(rows * limits.parts, rows + limits.rows * limits.extra);
}

size_t cpu_panel_limit(const varlen_attention *attention, int32_t panel_rows, int32_t tile_keys)
{
    int64_t sequences = sequences_with_keys(attention, tile_keys);
    return sequences > 0 ? (size_t)(query_rows(attention) / panel_rows + sequences) : 0;
}

int64_t cpu_first_panel(const cpu_inputs *inputs, int32_t sequence, int32_t panel_rows, int32_t tile_keys)
{
    int64_t query = inputs->metadata.cu_seqlens_q[sequence];
    int64_t sequences = cpu_min(sequence, query);
    if (!inputs->metadata.key_starts)
        sequences = cpu_min(sequences, inputs->metadata.cu_seqlens_k[sequence] / (tile_keys + 1));
    return query * cpu_group(inputs->attention) / panel_rows + sequences;
}

size_t cpu_thread_limit(const varlen_attention *attention, size_t tasks, int32_t threads)
{
    size_t tiles = size_product(tasks, (size_t)attention->kv_heads);
    if (tiles >= (size_t)threads)
        return (size_t)threads;
    return tiles > 0 ? tiles : 1;
}
