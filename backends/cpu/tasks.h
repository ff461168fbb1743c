/* The work of one call, cut into tiles. */
#ifndef VARLEN_CPU_TASKS_H
#define VARLEN_CPU_TASKS_H

#include "inputs.h"
#include "panel_spans.h"

/* One tile of one sequence; it stands for kv_heads tiles, one for each kv head. */
typedef struct cpu_task {
    int64_t weight; /* heavier tasks start first */
    int32_t sequence;
    int32_t tile;
    int32_t part;    /* of split keys (splits.h); forward only */
    int32_t parts;   /* 1: the keys are not split */
    int64_t partial; /* if they are: where the rows of part 0 begin among the partial results of a kv head */
} cpu_task;

/* Threads worth waking for a call: at most `threads`, fewer if the work is over before they are awake. */
int32_t cpu_threads_for(const cpu_task *tasks, int64_t count, const varlen_attention *attention, int32_t threads);

/* Fill tasks, heaviest first, and return their number. A forward task weighs the pairs of its tile; a backward task the
 * pairs of its tile and of the later ones of its sequence, which wait for it, so that they follow it. */
int64_t cpu_forward_tasks(cpu_task *tasks, const cpu_inputs *inputs, int32_t tile_rows);
int64_t cpu_backward_tasks(cpu_task *tasks, const cpu_inputs *inputs, const cpu_panel_spans *spans);

#endif
