/* The columns of one panel: which query row each one is, what it sees, and how far its softmax has come. */
#ifndef VARLEN_CPU_COLUMNS_H
#define VARLEN_CPU_COLUMNS_H

#include "kernels.h"
#include "kernels/panel.h"

#include <math.h>

typedef struct panel_columns {
    /* Of each column, constant over the keys. */
    int32_t query[PANEL];    /* i, counted in the sequence */
    int32_t head[PANEL];     /* query head */
    int32_t position[PANEL]; /* p, unless far */
    int32_t first_key[PANEL];
    int32_t last_key[PANEL]; /* inclusive; before first_key if the row sees nothing */
    float slope[PANEL];      /* of ALiBi */
    uint32_t tree[2][PANEL]; /* the lower and the upper bits of the tree mask, where there is one */

    /* The running softmax. */
    float maximum[PANEL];   /* the largest score; -infinity if no key was visible yet */
    float reference[PANEL]; /* what weights are relative to, in units of log2 */
    float sum[PANEL];
    float rescale[PANEL]; /* what the last step multiplied earlier sums by */

    int32_t count;                    /* columns that are rows of the tile; the others repeat the last one's bounds */
    int32_t vectors;                  /* vectors that hold them */
    int32_t begin, end;               /* keys that some column sees */
    int32_t common_begin, common_end; /* keys that every column sees */
    int has_tree;                     /* whether there is a tree mask, */
    int32_t tree_begin;               /* and the key of its first bit, < 0 where there are fewer keys */
    int64_t shift;                    /* p - i */
    int far;                          /* whether some p - j is too large for 32 bits */
} __attribute__((aligned(VECTOR_BYTES))) panel_columns;

static inline void columns_set_bounds(panel_columns *columns, int column, const varlen_attention *attention,
                                      const cpu_sequence *sequence)
{
    int64_t query = columns->query[column];
    cpu_span seen = cpu_keys_of_query(attention, sequence, query);
    int64_t first = seen.begin < seen.end ? seen.begin : sequence->keys;
    int64_t last = seen.end - 1;
    columns->position[column] = (int32_t)(query + sequence->shift);
    columns->first_key[column] = (int32_t)first;
    columns->last_key[column] = (int32_t)last;
    columns->begin = (int32_t)cpu_min(columns->begin, first);
    columns->end = (int32_t)cpu_max(columns->end, last + 1);
    columns->common_begin = (int32_t)cpu_max(columns->common_begin, first);
    columns->common_end = (int32_t)cpu_min(columns->common_end, last + 1);
}

/* |p - j|, however far. */
static inline float columns_distance(const panel_columns *columns, int32_t column, int32_t key)
{
    const int64_t difference = columns->shift + columns->query[column] - key;
    return (float)(difference < 0 ? -difference : difference);
}

static inline float columns_slope(const cpu_inputs *inputs, int32_t sequence, int32_t head)
{
    if (!inputs->alibi_slopes)
        return 0.0f;
    const float limit = 0x1p95f; /* so that no distance makes it infinite */
    float slope = inputs->alibi_slopes[sequence * inputs->alibi_batch_stride + head];
    return slope > limit ? limit : slope < -limit ? -limit : slope;
}

/* A word's bits stand for the last keys, one for each query. */
static inline void columns_set_tree(panel_columns *columns, const cpu_sequence *sequence)
{
    columns->tree_begin = sequence->keys - sequence->queries;
    for (int32_t column = 0; column < columns->vectors * LANES; column++) {
        uint64_t word = sequence->tree[columns->query[column]];
        columns->tree[0][column] = (uint32_t)word;
        columns->tree[1][column] = (uint32_t)(word >> 32);
    }
}

/* Describes rows first_row .. first_row + count - 1 of a sequence under one kv head. */
static inline void columns_init(panel_columns *columns, const cpu_inputs *inputs, const cpu_sequence *sequence,
                                int32_t kv_head, int64_t first_row, int32_t count)
{
    int32_t group = cpu_group(inputs->attention);
    columns->count = count;
    columns->vectors = (count + LANES - 1) / LANES;
    columns->begin = columns->common_end = sequence->keys;
    columns->end = columns->common_begin = 0;
    int32_t query = (int32_t)(first_row / group);
    int32_t head = (int32_t)(first_row % group);
    for (int32_t column = 0; column < columns->vectors * LANES; column++) {
        if (column > 0 && column < count && ++head == group) {
            head = 0;
            query++;
        }
        columns->query[column] = query;
        columns->head[column] = kv_head * group + head;
        columns->slope[column] = columns_slope(inputs, sequence->index, columns->head[column]);
        columns->maximum[column] = columns->reference[column] = -INFINITY;
        columns->sum[column] = 0.0f;
        columns_set_bounds(columns, column, inputs->attention, sequence);
    }
    columns->has_tree = sequence->tree != NULL;
    if (columns->has_tree)
        columns_set_tree(columns, sequence);
    columns->shift = sequence->shift;
    const int64_t last = (int64_t)sequence->keys + LANES; /* a vector of keys may go past the sequence */
    columns->far = columns->query[0] + columns->shift - last < INT32_MIN || query + columns->shift > INT32_MAX;
}

#endif
