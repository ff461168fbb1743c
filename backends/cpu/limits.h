/* Upper bounds on what any batch of a shape is cut into. Lengths need not be known: sequences share the totals, so that
 * many of them are short. A bound never falls as a size of the shape grows, nor as max_seqlen does, of which 0 is the
 * largest; and some batch of the shape needs at least half of it. */
#ifndef VARLEN_CPU_LIMITS_H
#define VARLEN_CPU_LIMITS_H

#include "inputs.h"

/* Tasks: tiles of rows of queries, with one for each part of split keys; tiles of keys. */
size_t cpu_forward_task_limit(const varlen_attention *attention, int32_t tile_rows);
size_t cpu_backward_task_limit(const varlen_attention *attention, int32_t tile_keys);

/* Partial rows of split keys under one kv head. */
size_t cpu_partial_limit(const varlen_attention *attention);

/* Panels of dq under one kv head, of sequences that have more keys than one tile: only they sum dq over tiles. */
size_t cpu_panel_limit(const varlen_attention *attention, int32_t panel_rows, int32_t tile_keys);

/* The number of such a sequence's first panel, below that limit: no two sequences overlap, whatever the lengths before
 * this one. Each of them begins a row of queries and, by cu_seqlens_k, more than tile_keys rows of keys behind the one
 * before. */
int64_t cpu_first_panel(const cpu_inputs *inputs, int32_t sequence, int32_t panel_rows, int32_t tile_keys);

/* Threads that can have work, when there are so many tasks for each kv head: at least the caller's own. */
size_t cpu_thread_limit(const varlen_attention *attention, size_t tasks, int32_t threads);

#endif
