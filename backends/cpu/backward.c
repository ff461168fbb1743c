/* varlen_backward: per-row preparation, then tiles of keys (kernels/backward_tile.c). */
#include "backward.h"

#include "limits.h"
#include "outside.h"
#include "rows.h"
#include "scratch.h"
#include "tasks.h"

#include <math.h>
#include <omp.h>

typedef struct backward_workspace {
    cpu_task *tasks;
    float *delta;              /* [q_heads, total_q] */
    float *dq_panels;          /* [kv_heads][panels][cpu_dq_panel_floats] */
    _Atomic int32_t *dq_tiles; /* [kv_heads][panels] */
    int64_t panels;            /* of all sequences that sum dq over tiles, under one kv head */
    char *scratch;             /* one after the other for each thread */
    size_t scratch_bytes;
    size_t threads; /* that can have work */
} backward_workspace;

static backward_workspace take_workspace(scratch_cursor *cursor, const cpu_state *state,
                                         const varlen_attention *attention)
{
    const cpu_kernels *kernels = cpu_kernels_for(state, attention->dtype);
    size_t scratch_bytes = kernels->backward_scratch_bytes(attention);
    size_t tasks = cpu_backward_task_limit(attention, kernels->backward_keys);
    size_t rows = size_product((size_t)attention->q_heads, (size_t)attention->total_q);
    size_t panels = cpu_panel_limit(attention, kernels->panel_rows, kernels->backward_keys);
    size_t all_panels = size_product(panels, (size_t)attention->kv_heads);
    size_t panel_bytes = cpu_dq_panel_floats(attention, kernels->panel_rows) * sizeof(float);
    size_t threads = cpu_thread_limit(attention, tasks, state->threads);
    return (backward_workspace){
        .tasks = scratch_take(cursor, size_product(tasks, sizeof(cpu_task))),
        .delta = scratch_take(cursor, size_product(rows, sizeof(float))),
        .dq_panels = scratch_take(cursor, size_product(all_panels, panel_bytes)),
        .dq_tiles = scratch_take(cursor, size_product(all_panels, sizeof(int32_t))),
        .panels = (int64_t)panels,
        .scratch = scratch_take(cursor, size_product(threads, scratch_bytes)),
        .scratch_bytes = scratch_bytes,
        .threads = threads,
    };
}

size_t cpu_backward_workspace(const cpu_state *state, const varlen_attention *attention)
{
    scratch_cursor cursor = {0};
    take_workspace(&cursor, state, attention);
    return cursor.used;
}

/* delta = dot(dout, out) of one row, and dq = 0, which tiles overwrite where the row sees a key. */
static void prepare_row(const varlen_attention *attention, const varlen_backward_args *args, float *delta, int64_t row,
                        int32_t head)
{
    float out[CPU_MAX_DIM];
    float dout[CPU_MAX_DIM];
    int32_t value_dim = attention->value_dim;
    row_load(out, cpu_row(&args->out, attention->dtype, row, head), attention->dtype, value_dim);
    row_load(dout, cpu_row(&args->dout, attention->dtype, row, head), attention->dtype, value_dim);
    float sum = 0.0f;
    for (int32_t dim = 0; dim < value_dim; dim++)
        sum += out[dim] * dout[dim];
    delta[head * attention->total_q + row] = sum;
    memset(cpu_row(&args->dq, attention->dtype, row, head), 0,
           (size_t)(attention->head_dim * varlen_dtype_size(attention->dtype)));
}

static void prepare_sequence(const cpu_inputs *inputs, const varlen_backward_args *args, float *delta, int32_t b)
{
    cpu_sequence sequence = cpu_sequence_at(&inputs->metadata, b);
    for (int32_t i = 0; i < sequence.queries; i++)
        for (int32_t head = 0; head < inputs->attention->q_heads; head++)
            prepare_row(inputs->attention, args, delta, sequence.first_query + i, head);
}

/* Rows of q, k and v that belong to no sequence. */
static void clear_gap(const varlen_attention *attention, const varlen_backward_args *args, int32_t gap)
{
    cpu_row_range queries = cpu_gap(args->cu_seqlens_q, args->seqused_q, attention->batch, attention->total_q, gap);
    cpu_row_range keys = cpu_gap(args->cu_seqlens_k, args->seqused_k, attention->batch, attention->total_k, gap);
    cpu_clear_rows(&args->dq, attention->dtype, attention->q_heads, attention->head_dim, queries);
    cpu_clear_rows(&args->dk, attention->dtype, attention->kv_heads, attention->head_dim, keys);
    cpu_clear_rows(&args->dv, attention->dtype, attention->kv_heads, attention->value_dim, keys);
    if (args->leftpad_k && gap < attention->batch) {
        int64_t slot = args->cu_seqlens_k[gap];
        cpu_row_range padding = {slot, slot + args->leftpad_k[gap]};
        cpu_clear_rows(&args->dk, attention->dtype, attention->kv_heads, attention->head_dim, padding);
        cpu_clear_rows(&args->dv, attention->dtype, attention->kv_heads, attention->value_dim, padding);
    }
}

/* -sum over rows of exp(sink - lse) * delta, in order of the rows. */
static float sink_gradient(const cpu_inputs *inputs, const varlen_backward_args *args, const float *delta, int32_t head)
{
    double sink = args->sinks[head];
    double sum = 0.0;
    if (sink == -INFINITY)
        return 0.0f;
    for (int32_t b = 0; b < inputs->attention->batch; b++) {
        cpu_sequence sequence = cpu_sequence_at(&inputs->metadata, b);
        int64_t first = head * inputs->attention->total_q + sequence.first_query;
        for (int64_t row = first; row < first + sequence.queries; row++)
            sum -= exp(sink - args->lse[row]) * delta[row];
    }
    return (float)sum;
}

static cpu_backward_tile tile_at(const backward_workspace *workspace, int64_t index, const cpu_kernels *kernels,
                                 const cpu_inputs *inputs, const cpu_gradients *gradients)
{
    const varlen_attention *attention = inputs->attention;
    const cpu_task *task = &workspace->tasks[index / attention->kv_heads];
    int32_t kv_head = (int32_t)(index % attention->kv_heads);
    int64_t panel = kv_head * workspace->panels +
                    cpu_first_panel(inputs, task->sequence, kernels->panel_rows, kernels->backward_keys);
    return (cpu_backward_tile){
        .inputs = inputs,
        .gradients = gradients,
        .sequence = cpu_sequence_at(&inputs->metadata, task->sequence),
        .kv_head = kv_head,
        .number = task->tile,
        .dq_panels = workspace->dq_panels + (size_t)panel * cpu_dq_panel_floats(attention, kernels->panel_rows),
        .dq_tiles = workspace->dq_tiles + panel,
    };
}

void cpu_backward(const cpu_state *state, const varlen_attention *attention, const varlen_backward_args *args)
{
    const cpu_kernels *kernels = cpu_kernels_for(state, attention->dtype);
    cpu_inputs inputs = cpu_inputs_of_backward(attention, args);
    scratch_cursor cursor = {.base = args->workspace};
    backward_workspace workspace = take_workspace(&cursor, state, attention);
    cpu_gradients gradients = {
        .dout = args->dout, .dq = args->dq, .dk = args->dk, .dv = args->dv, .lse = args->lse, .delta = workspace.delta};
    int64_t tasks = cpu_backward_tasks(workspace.tasks, &inputs, kernels->backward_keys);
    int64_t tiles = tasks * attention->kv_heads;
    int32_t threads = cpu_threads_for(workspace.tasks, tasks, attention, (int32_t)workspace.threads);
    int64_t counters = workspace.panels * attention->kv_heads;
    int32_t heads_with_sinks = args->dsinks ? attention->q_heads : 0;

#pragma omp parallel num_threads(threads)
    {
        char *scratch = workspace.scratch + (size_t)omp_get_thread_num() * workspace.scratch_bytes;
#pragma omp for schedule(static) nowait
        for (int64_t counter = 0; counter < counters; counter++)
            atomic_init(&workspace.dq_tiles[counter], 0);
#pragma omp for schedule(dynamic, 1)
        for (int32_t b = 0; b < attention->batch; b++)
            prepare_sequence(&inputs, args, workspace.delta, b);
#pragma omp for schedule(dynamic, 1) nowait
        for (int64_t index = 0; index < tiles; index++) {
            cpu_backward_tile tile = tile_at(&workspace, index, kernels, &inputs, &gradients);
            kernels->backward(&tile, scratch);
        }
#pragma omp for schedule(dynamic, 1) nowait
        for (int32_t head = 0; head < heads_with_sinks; head++)
            args->dsinks[head] = sink_gradient(&inputs, args, workspace.delta, head);
#pragma omp for schedule(dynamic, 1)
        for (int32_t gap = 0; gap <= attention->batch; gap++)
            clear_gap(attention, args, gap);
    }
}
