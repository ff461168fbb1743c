#include "tasks.h"

#include <stdbool.h>

size_t cpu_task_limit(const varlen_attention *attention, int32_t tile_rows)
{
    size_t group = (size_t)(attention->q_heads / attention->kv_heads);
    return (size_t)attention->total_q * group / (size_t)tile_rows + (size_t)attention->batch;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Keys between the first one that query `first` sees and the last one that query `last` sees. */
static int64_t visible_span(const varlen_attention *attention, const cpu_sequence *sequence, int64_t first,
                            int64_t last)
{
    int64_t shift = 0;
    if (attention->alignment == VARLEN_ALIGN_BOTTOM_RIGHT)
        shift = (int64_t)sequence->keys - sequence->queries;
    int64_t begin = 0;
    int64_t end = sequence->keys;
    if (attention->window_left != VARLEN_UNBOUNDED)
        begin = clamp(first + shift - attention->window_left, 0, sequence->keys);
    if (attention->window_right != VARLEN_UNBOUNDED)
        end = clamp(last + shift + attention->window_right + 1, 0, sequence->keys);
    return end > begin ? end - begin : 0;
}

static bool heavier(const cpu_task *a, const cpu_task *b)
{
    if (a->weight != b->weight)
        return a->weight > b->weight;
    return a->sequence != b->sequence ? a->sequence < b->sequence : a->tile < b->tile;
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

int64_t cpu_tasks_list(cpu_task *tasks, const varlen_attention *attention, const cpu_metadata *metadata,
                       int32_t tile_rows)
{
    int64_t group = attention->q_heads / attention->kv_heads;
    int64_t count = 0;
    for (int32_t index = 0; index < attention->batch; index++) {
        cpu_sequence sequence = cpu_sequence_at(metadata, index);
        int64_t rows = sequence.queries * group;
        for (int64_t first = 0; first < rows; first += tile_rows) {
            int64_t end = clamp(first + tile_rows, 0, rows);
            int64_t span = visible_span(attention, &sequence, first / group, (end - 1) / group);
            tasks[count++] =
                (cpu_task){.weight = (end - first) * span, .sequence = index, .tile = (int32_t)(first / tile_rows)};
        }
    }
    sort_heaviest_first(tasks, count);
    return count;
}
