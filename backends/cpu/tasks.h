/* The work of one call, cut into tiles of query rows. */
#ifndef VARLEN_CPU_TASKS_H
#define VARLEN_CPU_TASKS_H

#include "sequence.h"

/* One tile of one sequence; it stands for kv_heads tiles, one for each kv head. */
typedef struct cpu_task {
    int64_t weight; /* (row, key) pairs to compute, up to the mask's slant inside the tile */
    int32_t sequence;
    int32_t tile;
} cpu_task;

/* An upper bound on the tasks of any batch of this shape. */
size_t cpu_task_limit(const varlen_attention *attention, int32_t tile_rows);

/* Fills tasks, heaviest first, and returns their number. */
int64_t cpu_tasks_list(cpu_task *tasks, const varlen_attention *attention, const cpu_metadata *metadata,
                       int32_t tile_rows);

#endif
