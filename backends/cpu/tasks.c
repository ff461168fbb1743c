#include "tasks.h"

#include "span.h"
#include "splits.h"

#include <stdbool.h>

static bool heavier(const cpu_task *a, const cpu_task *b)
{
    if (a->weight != b->weight)
        return a->weight > b->weight;
    if (a->sequence != b->sequence)
        return a->sequence < b->sequence;
    return a->tile != b->tile ? a->tile < b->tile : a->part < b->part;
}

/* Restores the heap below `root`, whose top is the lightest. */
static void sift(cpu_task *tasks, int64_t root, int64_t count)
{
    cpu_task moving = tasks[root];
    for (int64_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && heavier(&tasks[child], &tasks[child + 1]))
            child++;
        if (!heavier(&moving, &tasks[child]))
            break;
        tasks[root] = tasks[child];
    }
    tasks[root] = moving;
}

/* Heapsort: qsort may allocate, and a call must not. */
static void sort_heaviest_first(cpu_task *tasks, int64_t count)
{
    for (int64_t root = count / 2 - 1; root >= 0; root--)
        sift(tasks, root, count);
    for (int64_t last = count - 1; last > 0; last--) {
        cpu_task lightest = tasks[0];
        tasks[0] = tasks[last];
        tasks[last] = lightest;
        sift(tasks, 0, last);
    }
}

/* Appends the tasks of one tile: one, or one for each part of its keys. */
static int64_t add_forward_tile(cpu_task *tasks, const cpu_inputs *inputs, const cpu_sequence *sequence, int64_t first,
                                int64_t end, cpu_task task)
{
    int64_t group = cpu_group(inputs->attention);
    int32_t part_keys = cpu_split_keys(sequence->queries * group, sequence->keys);
    cpu_span seen = cpu_keys_seen_by(inputs->attention, sequence, first / group, (end - 1) / group + 1);
    task.parts = cpu_split_parts(sequence->queries * group, sequence->keys);
    for (task.part = 0; task.part < task.parts; task.part++) {
        int64_t first_key = (int64_t)task.part * part_keys;
        int64_t begin_key = seen.begin > first_key ? seen.begin : first_key;
        int64_t end_key = seen.end < first_key + part_keys ? seen.end : first_key + part_keys;
        task.weight = end_key > begin_key ? (end - first) * (end_key - begin_key) : 0;
        tasks[task.part] = task;
    }
    return task.parts;
}

int64_t cpu_forward_tasks(cpu_task *tasks, const cpu_inputs *inputs, int32_t tile_rows)
{
    const varlen_attention *attention = inputs->attention;
    int64_t count = 0;
    int64_t partial = 0;
    for (int32_t index = 0; index < attention->batch; index++) {
        cpu_sequence sequence = cpu_sequence_at(&inputs->metadata, index);
        int64_t rows = (int64_t)sequence.queries * cpu_group(attention);
        for (int64_t first = 0; first < rows; first += tile_rows) {
            int64_t end = first + tile_rows < rows ? first + tile_rows : rows;
            cpu_task task = {.sequence = index, .tile = (int32_t)(first / tile_rows), .partial = partial};
            int64_t parts = add_forward_tile(tasks + count, inputs, &sequence, first, end, task);
            count += parts;
            partial += parts > 1 ? parts * rows : 0;
        }
    }
    sort_heaviest_first(tasks, count);
    return count;
}

/* Adds the pairs of queries and tiles to the tasks of one sequence, the last tile first. */
static void weigh_by_spans(cpu_task *tasks, int64_t tiles, const cpu_panel_spans *spans, const cpu_span *own,
                           int64_t rows, int64_t group)
{
    const int64_t size = spans->tile_keys;
    for (int64_t row = 0; row < rows; row += spans->panel_rows, own++) {
        int64_t panel_rows = cpu_min(spans->panel_rows, rows - row);
        for (int64_t first = own->begin / size * size; first < own->end; first += size) {
            int64_t keys = cpu_min(own->end, first + size) - cpu_max(own->begin, first);
            tasks[tiles - 1 - first / size].weight += panel_rows * keys / group;
        }
    }
}

int64_t cpu_backward_tasks(cpu_task *tasks, const cpu_inputs *inputs, const cpu_panel_spans *spans)
{
    const varlen_attention *attention = inputs->attention;
    const int64_t group = cpu_group(attention);
    int64_t count = 0;
    for (int32_t index = 0; index < attention->batch; index++) {
        cpu_sequence sequence = cpu_sequence_at(&inputs->metadata, index);
        const int64_t tiles = ((int64_t)sequence.keys + spans->tile_keys - 1) / spans->tile_keys;
        const cpu_span *own = cpu_panel_spans_of(spans, inputs, &sequence);
        cpu_task *added = tasks + count;
        for (int64_t tile = tiles - 1; tile >= 0; tile--) {
            int64_t first = tile * spans->tile_keys;
            int64_t end = cpu_min(first + spans->tile_keys, sequence.keys);
            cpu_span queries = cpu_queries_that_see(attention, &sequence, first, end);
            int64_t weight = own ? 0 : (end - first) * (queries.end - queries.begin);
            tasks[count++] = (cpu_task){.weight = weight, .sequence = index, .tile = (int32_t)tile};
        }
        if (own)
            weigh_by_spans(added, tiles, spans, own, sequence.queries * group, group);
        for (int64_t later = 1; later < tiles; later++)
            added[later].weight += added[later - 1].weight;
    }
    sort_heaviest_first(tasks, count);
    return count;
}

int32_t cpu_threads_for(const cpu_task *tasks, int64_t count, const varlen_attention *attention, int32_t threads)
{
    const double products_per_thread = 1 << 20; /* some 20 microseconds of multiplications */
    double products_per_pair = (double)attention->kv_heads * (attention->head_dim + attention->value_dim);
    double products = 0.0; /* which may pass 2^63 */
    for (int64_t i = 0; i < count && products / products_per_thread < threads; i++)
        products += (double)tasks[i].weight * products_per_pair;
    double worth = products / products_per_thread + 1.0;
    return worth < threads ? (int32_t)worth : threads;
}
