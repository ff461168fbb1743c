#include "forward.h"

#include "outside.h"
#include "tasks.h"

#include <omp.h>

enum { WORKSPACE_ALIGNMENT = 64 };

static size_t round_up(size_t size)
{
    return (size + WORKSPACE_ALIGNMENT - 1) / WORKSPACE_ALIGNMENT * WORKSPACE_ALIGNMENT;
}

/* The workspace: the task list, then each thread's scratch. */
static size_t task_bytes(const cpu_state *state, const varlen_attention *attention)
{
    return round_up(cpu_task_limit(attention, state->kernels->tile_rows) * sizeof(cpu_task));
}

size_t cpu_forward_workspace(const cpu_state *state, const varlen_attention *attention)
{
    size_t scratch = state->kernels->forward_scratch_bytes(attention);
    return task_bytes(state, attention) + (size_t)state->threads * scratch;
}

static philox_key dropout_key(const varlen_forward_args *args)
{
    if (args->dropout_state)
        return philox_call_key(args->dropout_state[0], args->dropout_state[1]);
    return philox_call_key(args->dropout_seed, args->dropout_offset);
}

static cpu_metadata metadata_of(const varlen_attention *attention, const varlen_forward_args *args)
{
    return (cpu_metadata){
        .cu_seqlens_q = args->cu_seqlens_q,
        .cu_seqlens_k = args->cu_seqlens_k,
        .seqused_q = args->seqused_q,
        .seqused_k = args->seqused_k,
        .leftpad_k = args->leftpad_k,
        .page_table = args->page_table,
        .page_table_width = attention->page_table_width,
    };
}

/* Tile number `index` of the call: kv heads of one task follow each other, so that threads that work side by side read
 * neighbouring keys. */
static cpu_forward_tile tile_at(const cpu_task *tasks, int64_t index, int32_t tile_rows, const cpu_metadata *metadata,
                                const varlen_attention *attention, const varlen_forward_args *args)
{
    const cpu_task *task = &tasks[index / attention->kv_heads];
    cpu_forward_tile tile = {
        .attention = attention,
        .args = args,
        .sequence = cpu_sequence_at(metadata, task->sequence),
        .kv_head = (int32_t)(index % attention->kv_heads),
        .first_row = (int64_t)task->tile * tile_rows,
    };
    int64_t rows = (int64_t)tile.sequence.queries * (attention->q_heads / attention->kv_heads) - tile.first_row;
    tile.rows = (int32_t)(rows < tile_rows ? rows : tile_rows);
    return tile;
}

void cpu_forward(const cpu_state *state, const varlen_attention *attention, const varlen_forward_args *args)
{
    const cpu_kernels *kernels = state->kernels;
    cpu_metadata metadata = metadata_of(attention, args);
    cpu_task *tasks = args->workspace;
    char *scratch = (char *)args->workspace + task_bytes(state, attention);
    size_t scratch_bytes = kernels->forward_scratch_bytes(attention);
    int64_t tiles = cpu_tasks_list(tasks, attention, &metadata, kernels->tile_rows) * attention->kv_heads;
    philox_key key = dropout_key(args);

#pragma omp parallel num_threads(state->threads) if (tiles > 1)
    {
        void *own_scratch = scratch + (size_t)omp_get_thread_num() * scratch_bytes;
#pragma omp for schedule(dynamic, 1) nowait
        for (int64_t index = 0; index < tiles; index++) {
            cpu_forward_tile tile = tile_at(tasks, index, kernels->tile_rows, &metadata, attention, args);
            tile.dropout_key = key;
            kernels->forward(&tile, own_scratch);
        }
#pragma omp for schedule(dynamic, 1)
        for (int32_t gap = 0; gap <= attention->batch; gap++) {
            cpu_row_range rows =
                cpu_gap(args->cu_seqlens_q, args->seqused_q, attention->batch, attention->total_q, gap);
            cpu_clear_rows(&args->out, attention->dtype, attention->q_heads, attention->value_dim, rows);
            if (args->lse)
                cpu_clear_lse(args->lse, attention->q_heads, attention->total_q, rows);
        }
    }
}
