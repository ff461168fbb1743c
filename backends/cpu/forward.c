#include "forward.h"

#include "outside.h"
#include "scratch.h"
#include "tasks.h"

#include <omp.h>

typedef struct forward_workspace {
    cpu_task *tasks;
    char *scratch; /* one after the other for each thread */
    size_t scratch_bytes;
} forward_workspace;

static forward_workspace take_workspace(scratch_cursor *cursor, const cpu_state *state,
                                        const varlen_attention *attention)
{
    const cpu_kernels *kernels = state->kernels;
    size_t scratch_bytes = kernels->forward_scratch_bytes(attention);
    return (forward_workspace){
        .tasks = scratch_take(cursor, cpu_forward_task_limit(attention, kernels->forward_rows) * sizeof(cpu_task)),
        .scratch = scratch_take(cursor, (size_t)state->threads * scratch_bytes),
        .scratch_bytes = scratch_bytes,
    };
}

size_t cpu_forward_workspace(const cpu_state *state, const varlen_attention *attention)
{
    scratch_cursor cursor = {0};
    take_workspace(&cursor, state, attention);
    return cursor.used;
}

/* Tile number `index` of the call: kv heads of one task follow each other, so that threads that work side by side read
 * neighbouring keys. */
static cpu_forward_tile tile_at(const cpu_task *tasks, int64_t index, int32_t tile_rows, const cpu_inputs *inputs,
                                const varlen_forward_args *args)
{
    const varlen_attention *attention = inputs->attention;
    const cpu_task *task = &tasks[index / attention->kv_heads];
    cpu_forward_tile tile = {
        .inputs = inputs,
        .out = args->out,
        .lse = args->lse,
        .sequence = cpu_sequence_at(&inputs->metadata, task->sequence),
        .kv_head = (int32_t)(index % attention->kv_heads),
        .first_row = (int64_t)task->tile * tile_rows,
    };
    int64_t rows = (int64_t)tile.sequence.queries * cpu_group(attention) - tile.first_row;
    tile.rows = (int32_t)(rows < tile_rows ? rows : tile_rows);
    return tile;
}

static void clear_gap(const varlen_attention *attention, const varlen_forward_args *args, int32_t gap)
{
    cpu_row_range rows = cpu_gap(args->cu_seqlens_q, args->seqused_q, attention->batch, attention->total_q, gap);
    cpu_clear_rows(&args->out, attention->dtype, attention->q_heads, attention->value_dim, rows);
    if (args->lse)
        cpu_clear_lse(args->lse, attention->q_heads, attention->total_q, rows);
}

void cpu_forward(const cpu_state *state, const varlen_attention *attention, const varlen_forward_args *args)
{
    const cpu_kernels *kernels = state->kernels;
    cpu_inputs inputs = cpu_inputs_of_forward(attention, args);
    scratch_cursor cursor = {.base = args->workspace};
    forward_workspace workspace = take_workspace(&cursor, state, attention);
    int64_t tiles = cpu_forward_tasks(workspace.tasks, &inputs, kernels->forward_rows) * attention->kv_heads;

#pragma omp parallel num_threads(state->threads) if (tiles > 1)
    {
        char *scratch = workspace.scratch + (size_t)omp_get_thread_num() * workspace.scratch_bytes;
#pragma omp for schedule(dynamic, 1) nowait
        for (int64_t index = 0; index < tiles; index++) {
            cpu_forward_tile tile = tile_at(workspace.tasks, index, kernels->forward_rows, &inputs, args);
            kernels->forward(&tile, scratch);
        }
#pragma omp for schedule(dynamic, 1)
        for (int32_t gap = 0; gap <= attention->batch; gap++)
            clear_gap(attention, args, gap);
    }
}
