/* varlen_forward: tiles of query rows (kernels/forward_tile.c, decode_tile.c), then what split keys left to combine. */
#include "forward.h"

#include "limits.h"
#include "outside.h"
#include "scratch.h"
#include "splits.h"
#include "tasks.h"
#include "team.h"
#include "threads.h"

#include <stdbool.h>

typedef struct forward_workspace {
    cpu_task *tasks;
    char *partials; /* of split keys, for each kv head */
    size_t partial_rows;
    size_t partial_bytes;
    char *scratch; /* for each thread */
    size_t scratch_bytes;
    size_t threads; /* that can have work */
} forward_workspace;

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static forward_workspace take_workspace(scratch_cursor *cursor, const cpu_state *state,
                                        const varlen_attention *attention)
{
    const cpu_kernels *kernels = cpu_kernels_for(state, attention->dtype);
    forward_workspace workspace;
    size_t tasks = cpu_forward_task_limit(attention, kernels->forward_rows);
    workspace.tasks = scratch_take(cursor, size_product(tasks, sizeof(cpu_task)));
    workspace.partial_rows = cpu_partial_limit(attention);
    workspace.partial_bytes = cpu_partial_bytes(attention, workspace.partial_rows);
    workspace.partials = scratch_take(cursor, size_product((size_t)attention->kv_heads, workspace.partial_bytes));
    workspace.scratch_bytes =
        larger(kernels->forward_scratch_bytes(attention), kernels->decode_scratch_bytes(attention));
    workspace.threads = cpu_thread_limit(attention, tasks, state->threads);
    workspace.scratch = scratch_take(cursor, size_product(workspace.threads, workspace.scratch_bytes));
    return workspace;
}

size_t cpu_forward_workspace(const cpu_state *state, const varlen_attention *attention)
{
    scratch_cursor cursor = {0};
    take_workspace(&cursor, state, attention);
    return cursor.used;
}

/* What all tiles of a call have in common. */
typedef struct forward_work {
    const cpu_kernels *kernels;
    const cpu_inputs *inputs;
    const varlen_forward_args *args;
    forward_workspace workspace;
    int64_t tiles;
    cpu_team_size team;
    int32_t together; /* neighbouring tiles that one thread takes */
} forward_work;

/* The task of tile number `index` of the call. */
static const cpu_task *task_at(const forward_work *work, int64_t index)
{
    return &work->workspace.tasks[index / work->inputs->attention->kv_heads];
}

/* Where the results of the parts of a tile's keys begin. */
static cpu_partial partial_at(const forward_work *work, const cpu_task *task, int32_t kv_head, int64_t row)
{
    const forward_workspace *workspace = &work->workspace;
    char *memory = workspace->partials + (size_t)kv_head * workspace->partial_bytes;
    return cpu_partial_at(memory, work->inputs->attention, workspace->partial_rows, task->partial + row);
}

static cpu_forward_tile tile_at(const forward_work *work, int64_t index)
{
    const varlen_attention *attention = work->inputs->attention;
    const cpu_task *task = task_at(work, index);
    cpu_forward_tile tile = {
        .inputs = work->inputs,
        .out = work->args->out,
        .lse = work->args->lse,
        .sequence = cpu_sequence_at(&work->inputs->metadata, task->sequence),
        .kv_head = (int32_t)(index % attention->kv_heads),
        .first_row = (int64_t)task->tile * work->kernels->forward_rows,
    };
    int64_t rows = (int64_t)tile.sequence.queries * cpu_group(attention);
    int64_t part_keys = cpu_split_keys(rows, tile.sequence.keys);
    int64_t first_key = task->part * part_keys;
    tile.keys = (cpu_span){first_key, first_key + part_keys};
    if (tile.keys.end > tile.sequence.keys)
        tile.keys.end = tile.sequence.keys;
    rows -= tile.first_row;
    tile.rows = (int32_t)(rows < work->kernels->forward_rows ? rows : work->kernels->forward_rows);
    return tile;
}

/* Rows of neighbouring heads lie side by side in memory: one thread takes all heads of a task, wherever there are
 * enough tasks to keep all threads busy to the end. */
static int32_t tiles_together(int64_t tasks, int32_t kv_heads, int32_t threads)
{
    const int64_t tasks_per_thread = 16;
    return tasks >= tasks_per_thread * threads ? kv_heads : 1;
}

/* The tile that a thread will probably take after tile `index`: all go forward at about the same speed. */
static int64_t next_index(const forward_work *work, int64_t index)
{
    bool last = (index + 1) % work->together == 0;
    return index + 1 + (last ? (int64_t)(work->team.threads - 1) * work->together : 0);
}

static void run_tile(const void *pointer, int32_t member, int64_t index)
{
    const forward_work *work = pointer;
    char *scratch = work->workspace.scratch + (size_t)member * work->workspace.scratch_bytes;
    const cpu_task *task = task_at(work, index);
    cpu_forward_tile tile = tile_at(work, index);
    cpu_forward_tile next;
    if (next_index(work, index) < work->tiles) {
        next = tile_at(work, next_index(work, index));
        tile.next = &next;
    }
    bool decode = tile.first_row == 0 && tile.rows <= work->kernels->decode_rows;
    if (task->parts > 1)
        tile.partial = partial_at(work, task, tile.kv_head, (int64_t)task->part * tile.rows);
    if (decode)
        work->kernels->decode(&tile, scratch);
    else
        work->kernels->forward(&tile, scratch);
}

static void combine_parts(const void *pointer, int32_t member, int64_t index)
{
    const forward_work *work = pointer;
    (void)member;
    const cpu_task *task = task_at(work, index);
    if (task->parts == 1 || task->part != 0)
        return;
    cpu_forward_tile tile = tile_at(work, index);
    cpu_partial first = partial_at(work, task, tile.kv_head, 0);
    cpu_combine(&tile, &first, task->parts);
}

static void clear_gap(const void *pointer, int32_t member, int64_t gap)
{
    const forward_work *work = pointer;
    const varlen_attention *attention = work->inputs->attention;
    const varlen_forward_args *args = work->args;
    const cpu_slots slots = cpu_query_slots(work->inputs);
    const cpu_row_range rows = cpu_gap(&slots, gap);
    (void)member;
    cpu_clear_rows(&args->out, attention->dtype, attention->q_heads, attention->value_dim, rows);
    if (args->lse)
        cpu_clear_lse(args->lse, attention->q_heads, attention->total_q, rows);
}

static cpu_team_size team_for(const cpu_state *state, const forward_work *work, int64_t tasks)
{
    const varlen_attention *attention = work->inputs->attention;
    const cpu_slots slots = cpu_query_slots(work->inputs);
    int64_t cleared = cpu_gap_rows(&slots);
    int64_t row_bytes = (int64_t)attention->value_dim * cpu_element_size(attention->dtype);
    int64_t worth = cpu_threads_for(work->workspace.tasks, tasks, attention, (int32_t)work->workspace.threads);
    worth += cpu_threads_for_rows(cleared * attention->q_heads, row_bytes);
    return cpu_team_for(state, cpu_min(worth, (int64_t)work->workspace.threads));
}

void cpu_forward(const cpu_state *state, const varlen_attention *attention, const varlen_forward_args *args)
{
    const cpu_kernels *kernels = cpu_kernels_for(state, attention->dtype);
    cpu_inputs inputs = cpu_inputs_of(attention, args->inputs);
    scratch_cursor cursor = {.base = args->workspace};
    forward_work work = {
        .kernels = kernels, .inputs = &inputs, .args = args, .workspace = take_workspace(&cursor, state, attention)};
    int64_t tasks = cpu_forward_tasks(work.workspace.tasks, &inputs, kernels->forward_rows);
    work.tiles = tasks * attention->kv_heads;
    work.team = team_for(state, &work, tasks);
    work.together = tiles_together(tasks, attention->kv_heads, work.team.threads);
    const cpu_slots slots = cpu_query_slots(&inputs);

    const cpu_loop loops[] = {
        {.body = run_tile, .count = work.tiles, .chunk = work.together},
        {.body = combine_parts, .count = work.tiles, .chunk = attention->kv_heads, .waits = true},
        {.body = clear_gap, .count = cpu_gap_count(&slots)},
    };
    _Static_assert(sizeof loops / sizeof *loops <= CPU_TEAM_LOOPS, "a team takes no more");
    cpu_team_run(work.team, &work, loops, sizeof loops / sizeof *loops);
}
