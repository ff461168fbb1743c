/* Rows of the caller's tensors that will soon be wanted, brought into the caches while the processor computes. A row of
 * one head is a few cache lines, and the next one lies a whole token away: hardware prefetchers do not follow. */
#ifndef VARLEN_CPU_PREFETCH_H
#define VARLEN_CPU_PREFETCH_H

#include "kernels.h"
#include "kernels/panel.h"
#include "kernels/tiles.h"

/* All functions here are inlined by force: gcc takes one that only prefetches for one without effect, and drops its
 * calls.
 *
 * Into the second-level cache: the first drops prefetches that come in bursts. */
PANEL_INLINE void prefetch_row(const char *row, int64_t bytes)
{
    const int64_t cache_line = 64;
    for (int64_t offset = 0; offset < bytes; offset += cache_line)
        __builtin_prefetch(row + offset, 0, 2);
}

/* What is wanted after a block of keys. */
typedef struct prefetch_plan {
    const cpu_forward_tile *loaded; /* the tile whose q, k and v are loaded next */
    cpu_span queries;               /* of q */
    cpu_span keys;
    const cpu_forward_tile *stored; /* the tile whose out is stored next */
    cpu_span outputs;               /* queries of it */
} prefetch_plan;

static inline cpu_span prefetch_queries_of(const cpu_forward_tile *tile)
{
    int32_t group = cpu_group(tile->inputs->attention);
    return (cpu_span){tile->first_row / group, (tile->first_row + tile->rows - 1) / group + 1};
}

/* `rest` are the keys that the tile has not loaded yet. After the last come its results and the next tile. */
static inline prefetch_plan prefetch_plan_of(const cpu_forward_tile *tile, cpu_span rest)
{
    prefetch_plan plan = {.loaded = tile, .keys = rest, .stored = tile};
    if (rest.begin >= rest.end) {
        plan.keys = (cpu_span){0, 0};
        if (!tile->partial.out)
            plan.outputs = prefetch_queries_of(tile);
        if (tile->next) {
            plan.loaded = tile->next;
            plan.queries = prefetch_queries_of(plan.loaded);
            plan.keys =
                cpu_keys_seen_by(tile->inputs->attention, &plan.loaded->sequence, plan.queries.begin, plan.queries.end);
            plan.keys.begin = cpu_max(plan.keys.begin, plan.loaded->keys.begin);
            plan.keys.end = cpu_min(plan.keys.end, plan.loaded->keys.end);
        }
    }
    plan.keys.end = cpu_min(plan.keys.end, plan.keys.begin / FORWARD_KEYS * FORWARD_KEYS + FORWARD_KEYS);
    return plan;
}

/* Part number `part` of `parts` of a span. */
static inline cpu_span prefetch_part(cpu_span span, int32_t part, int32_t parts)
{
    int64_t length = cpu_max(span.end - span.begin, 0);
    return (cpu_span){span.begin + length * part / parts, span.begin + length * (part + 1) / parts};
}

PANEL_INLINE void prefetch_keys(const cpu_cache *cache, const cpu_forward_tile *tile, int64_t dim, cpu_span keys)
{
    cpu_key_rows rows = cpu_key_rows_of(cache, tile->kv_head, &tile->sequence);
    for (int64_t key = keys.begin; key < keys.end; key++)
        prefetch_row(cpu_key_row(&rows, key), dim * cpu_element_size(cache->dtype));
}

PANEL_INLINE void prefetch_queries(const varlen_tensor *tensor, const cpu_forward_tile *tile, int64_t dim,
                                   cpu_span queries)
{
    const varlen_attention *attention = tile->inputs->attention;
    int32_t group = cpu_group(attention);
    for (int64_t query = queries.begin; query < queries.end; query++)
        for (int32_t head = tile->kv_head * group; head < (tile->kv_head + 1) * group; head++)
            prefetch_row(cpu_row(tensor, attention->dtype, tile->sequence.first_query + query, head),
                         dim * cpu_element_size(attention->dtype));
}

/* One of the parts of what is planned; the work between two parts hides their latency. */
PANEL_INLINE void prefetch_some(const prefetch_plan *plan, int32_t part, int32_t parts)
{
    const cpu_inputs *inputs = plan->loaded->inputs;
    const varlen_attention *attention = inputs->attention;
    cpu_span keys = prefetch_part(plan->keys, part, parts);
    prefetch_keys(&inputs->keys, plan->loaded, attention->head_dim, keys);
    if (!inputs->values_in_keys)
        prefetch_keys(&inputs->values, plan->loaded, attention->value_dim, keys);
    prefetch_queries(&inputs->q, plan->loaded, attention->head_dim, prefetch_part(plan->queries, part, parts));
    prefetch_queries(&plan->stored->out, plan->stored, attention->value_dim, prefetch_part(plan->outputs, part, parts));
}

#endif
