/* varlen_backward: per-row preparation, then tiles of keys (kernels/backward_tile.c). */
#include "backward.h"

#include "limits.h"
#include "outside.h"
#include "panel_spans.h"
#include "rows.h"
#include "scratch.h"
#include "tasks.h"
#include "team.h"
#include "threads.h"

#include <math.h>
#include <stdbool.h>

typedef struct backward_workspace {
    cpu_task *tasks;
    float *delta;              /* [q_heads, total_q] */
    float *dq_panels;          /* [kv_heads][panels][cpu_dq_panel_floats] */
    _Atomic int32_t *dq_tiles; /* [kv_heads][panels] */
    cpu_span *spans;           /* [panels] of one kv head, where rows may have ranges of keys of their own */
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
    size_t spans = cpu_panel_span_limit(attention, kernels->panel_rows, kernels->backward_keys);
    size_t threads = cpu_thread_limit(attention, tasks, state->threads);
    return (backward_workspace){
        .tasks = scratch_take(cursor, size_product(tasks, sizeof(cpu_task))),
        .delta = scratch_take(cursor, size_product(rows, sizeof(float))),
        .dq_panels = scratch_take(cursor, size_product(all_panels, panel_bytes)),
        .dq_tiles = scratch_take(cursor, size_product(all_panels, sizeof(int32_t))),
        .spans = scratch_take(cursor, size_product(spans, sizeof(cpu_span))),
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

/* What all loops of a call have in common. */
typedef struct backward_work {
    const cpu_kernels *kernels;
    const cpu_inputs *inputs;
    const varlen_backward_args *args;
    const cpu_gradients *gradients;
    backward_workspace workspace;
    cpu_panel_spans spans;
} backward_work;

static void reset_panel(const void *pointer, int32_t member, int64_t panel)
{
    const backward_work *work = pointer;
    (void)member;
    atomic_init(&work->workspace.dq_tiles[panel], 0);
}

/* The gradient of a row's lse, which counts where there is one. */
static float dlse_at(const varlen_backward_args *args, int64_t index)
{
    return args->dlse && args->lse[index] != -INFINITY ? args->dlse[index] : 0.0f;
}

static float dot(const char *a, const char *b, varlen_dtype dtype, int32_t count)
{
    float left[ROW_STEP];
    float right[ROW_STEP];
    float sum = 0.0f;
    for (int32_t first = 0; first < count; first += ROW_STEP) {
        row_load(left, a + first * cpu_element_size(dtype), dtype, ROW_STEP);
        row_load(right, b + first * cpu_element_size(dtype), dtype, ROW_STEP);
        for (int i = 0; i < ROW_STEP; i++)
            sum += left[i] * right[i];
    }
    return sum;
}

/* delta = dot(dout, out) - dlse of one row, and dq = 0, which tiles overwrite where the row sees a key. */
static void prepare_row(const varlen_attention *attention, const varlen_backward_args *args, float *delta, int64_t row,
                        int32_t head)
{
    const int64_t index = head * attention->total_q + row;
    float product = dot(cpu_row(&args->out, attention->dtype, row, head),
                        cpu_row(&args->dout, attention->dtype, row, head), attention->dtype, attention->value_dim);
    delta[index] = product - dlse_at(args, index);
    memset(cpu_row(&args->dq, attention->dtype, row, head), 0,
           (size_t)(attention->head_dim * cpu_element_size(attention->dtype)));
}

static void prepare_sequence(const void *pointer, int32_t member, int64_t b)
{
    const backward_work *work = pointer;
    const varlen_attention *attention = work->inputs->attention;
    cpu_sequence sequence = cpu_sequence_at(&work->inputs->metadata, (int32_t)b);
    (void)member;
    for (int32_t i = 0; i < sequence.queries; i++)
        for (int32_t head = 0; head < attention->q_heads; head++)
            prepare_row(attention, work->args, work->workspace.delta, sequence.first_query + i, head);
}

/* Before the tiles: where keys have starts of their own, all of their rows are a gap. */
static void clear_key_gap(const void *pointer, int32_t member, int64_t gap)
{
    const backward_work *work = pointer;
    const varlen_attention *attention = work->inputs->attention;
    const varlen_backward_args *args = work->args;
    const cpu_slots slots = cpu_key_slots(work->inputs);
    const cpu_row_range keys = cpu_gap(&slots, gap);
    (void)member;
    cpu_clear_rows(&args->dk, attention->dtype, attention->kv_heads, attention->head_dim, keys);
    cpu_clear_rows(&args->dv, attention->dtype, attention->kv_heads, attention->value_dim, keys);
}

static void clear_query_gap(const void *pointer, int32_t member, int64_t gap)
{
    const backward_work *work = pointer;
    const varlen_attention *attention = work->inputs->attention;
    const cpu_slots slots = cpu_query_slots(work->inputs);
    (void)member;
    cpu_clear_rows(&work->args->dq, attention->dtype, attention->q_heads, attention->head_dim, cpu_gap(&slots, gap));
}

/* -sum over rows of exp(sink - lse) * delta, in order of the rows. */
static float sink_gradient(const backward_work *work, int32_t head)
{
    const cpu_inputs *inputs = work->inputs;
    double sink = work->inputs->sinks[head];
    double sum = 0.0;
    if (sink == -INFINITY)
        return 0.0f;
    for (int32_t b = 0; b < inputs->attention->batch; b++) {
        cpu_sequence sequence = cpu_sequence_at(&inputs->metadata, b);
        int64_t first = head * inputs->attention->total_q + sequence.first_query;
        for (int64_t row = first; row < first + sequence.queries; row++)
            sum -= exp(sink - work->args->lse[row]) * work->workspace.delta[row];
    }
    return (float)sum;
}

static void store_sink_gradient(const void *pointer, int32_t member, int64_t head)
{
    const backward_work *work = pointer;
    (void)member;
    work->args->dsinks[head] = sink_gradient(work, (int32_t)head);
}

static cpu_backward_tile tile_at(const backward_work *work, int64_t index)
{
    const cpu_inputs *inputs = work->inputs;
    const varlen_attention *attention = inputs->attention;
    const backward_workspace *workspace = &work->workspace;
    const cpu_kernels *kernels = work->kernels;
    const cpu_task *task = &workspace->tasks[index / attention->kv_heads];
    int32_t kv_head = (int32_t)(index % attention->kv_heads);
    int64_t panel = kv_head * workspace->panels +
                    cpu_first_panel(inputs, task->sequence, kernels->panel_rows, kernels->backward_keys);
    cpu_sequence sequence = cpu_sequence_at(&inputs->metadata, task->sequence);
    return (cpu_backward_tile){
        .inputs = inputs,
        .gradients = work->gradients,
        .sequence = sequence,
        .kv_head = kv_head,
        .number = task->tile,
        .dq_panels = workspace->dq_panels + (size_t)panel * cpu_dq_panel_floats(attention, kernels->panel_rows),
        .dq_tiles = workspace->dq_tiles + panel,
        .seen = cpu_panel_spans_of(&work->spans, inputs, &sequence),
    };
}

/* Waits for the earlier tiles of its sequence, which have been handed out before it. */
static void run_tile(const void *pointer, int32_t member, int64_t index)
{
    const backward_work *work = pointer;
    cpu_backward_tile tile = tile_at(work, index);
    work->kernels->backward(&tile, work->workspace.scratch + (size_t)member * work->workspace.scratch_bytes);
}

/* Rows are prepared or cleared: q, out and dout of some queries, k and v of some keys. */
static cpu_team_size team_for(const cpu_state *state, const backward_work *work, int64_t tasks)
{
    const varlen_attention *attention = work->inputs->attention;
    const cpu_slots key_slots = cpu_key_slots(work->inputs);
    int64_t rows = attention->total_q * attention->q_heads + cpu_gap_rows(&key_slots) * attention->kv_heads;
    int64_t row_bytes = ((int64_t)attention->head_dim + 2 * attention->value_dim) * cpu_element_size(attention->dtype);
    int64_t worth = cpu_threads_for(work->workspace.tasks, tasks, attention, (int32_t)work->workspace.threads);
    worth += cpu_threads_for_rows(rows, row_bytes);
    return cpu_team_for(state, cpu_min(worth, (int64_t)work->workspace.threads));
}

void cpu_backward(const cpu_state *state, const varlen_attention *attention, const varlen_backward_args *args)
{
    const cpu_kernels *kernels = cpu_kernels_for(state, attention->dtype);
    cpu_inputs inputs = cpu_inputs_of(attention, args->inputs);
    scratch_cursor cursor = {.base = args->workspace};
    backward_work work = {
        .kernels = kernels, .inputs = &inputs, .args = args, .workspace = take_workspace(&cursor, state, attention)};
    cpu_gradients gradients = {.dout = args->dout,
                               .dq = args->dq,
                               .dk = args->dk,
                               .dv = args->dv,
                               .lse = args->lse,
                               .delta = work.workspace.delta};
    work.gradients = &gradients;
    work.spans = (cpu_panel_spans){.at = args->inputs->key_begin || args->inputs->key_end ? work.workspace.spans : NULL,
                                   .panel_rows = kernels->panel_rows,
                                   .tile_keys = kernels->backward_keys};
    cpu_fill_panel_spans(&work.spans, &inputs);
    int64_t tasks = cpu_backward_tasks(work.workspace.tasks, &inputs, &work.spans);
    cpu_team_size team = team_for(state, &work, tasks);
    const cpu_slots query_slots = cpu_query_slots(&inputs);
    const cpu_slots key_slots = cpu_key_slots(&inputs);

    const int64_t many = 1024; /* of something small */
    const cpu_loop loops[] = {
        {.body = reset_panel, .count = work.workspace.panels * attention->kv_heads, .chunk = many},
        {.body = prepare_sequence, .count = attention->batch},
        {.body = clear_key_gap, .count = cpu_gap_count(&key_slots)},
        {.body = run_tile, .count = tasks * attention->kv_heads, .waits = true},
        {.body = store_sink_gradient, .count = args->dsinks ? attention->q_heads : 0},
        {.body = clear_query_gap, .count = cpu_gap_count(&query_slots)},
    };
    _Static_assert(sizeof loops / sizeof *loops <= CPU_TEAM_LOOPS, "a team takes no more");
    cpu_team_run(team, &work, loops, sizeof loops / sizeof *loops);
}
