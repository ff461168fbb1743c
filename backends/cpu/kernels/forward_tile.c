/* Forward attention of one tile: FlashAttention's online softmax (Dao, 2023) over blocks of keys. Compiled once per
 * instruction set; CPU_ISA is its name.
 *
 *     for each block of keys:
 *         keys, values = load(block)                           rows of float
 *         for each panel of query rows:
 *             S = K Q                  [key][query]            panel_scores
 *             S = transform, mask(S)                           only where softcap, ALiBi or the mask's edge asks
 *             P = exp2(S - maximum)                            softmax_step
 *             O = O * rescale + V^T P  [value][query]          panel_accumulate
 *     out = O / sum, lse = log(sum) + maximum
 *
 * Blocks start at multiples of KEY_BLOCK from the sequence's first key, and a key that a row does not see adds exact
 * zeros to it, so a row's result does not depend on the rows it shares a tile with. */
#include "kernels.h"
#include "kernels/columns.h"
#include "kernels/dropout.h"
#include "kernels/load.h"
#include "kernels/panel.h"
#include "kernels/softmax.h"
#include "kernels/tiles.h"
#include "scratch.h"

/* Changes speed, and results in their last bits. */
enum {
    KEY_BLOCK = 64, /* keys per step of the online softmax */
};
_Static_assert(KEY_BLOCK % PANEL_ROWS == 0, "panel_scores rounds rows up to PANEL_ROWS");
_Static_assert(KEY_BLOCK % 4 == 0, "dropout draws words for four keys at a time");

/* The scratch of one thread. */
typedef struct forward_scratch {
    panel_columns *columns; /* [FORWARD_PANELS] */
    float *queries;         /* [FORWARD_PANELS][head_dim][PANEL] */
    float *outputs;         /* [FORWARD_PANELS][value_dim][PANEL] */
    float *scores;          /* [KEY_BLOCK][PANEL] */
    float *keys;            /* [KEY_BLOCK][key_stride] */
    float *values;          /* [KEY_BLOCK][value_stride] */
    float *rows;            /* [PANEL][key_stride or value_stride] */
    int64_t key_stride;
    int64_t value_stride;
} forward_scratch;

static forward_scratch take_scratch(scratch_cursor *cursor, const varlen_attention *attention)
{
    size_t head_dim = (size_t)attention->head_dim;
    size_t value_dim = (size_t)attention->value_dim;
    size_t key_stride = (size_t)load_stride(attention->head_dim);
    size_t value_stride = (size_t)load_stride(attention->value_dim);
    return (forward_scratch){
        .columns = scratch_take(cursor, FORWARD_PANELS * sizeof(panel_columns)),
        .queries = scratch_take(cursor, FORWARD_PANELS * head_dim * PANEL * sizeof(float)),
        .outputs = scratch_take(cursor, FORWARD_PANELS * value_dim * PANEL * sizeof(float)),
        .scores = scratch_take(cursor, KEY_BLOCK * PANEL * sizeof(float)),
        .keys = scratch_take(cursor, KEY_BLOCK * key_stride * sizeof(float)),
        .values = scratch_take(cursor, KEY_BLOCK * value_stride * sizeof(float)),
        .rows = scratch_take(cursor, PANEL * (key_stride > value_stride ? key_stride : value_stride) * sizeof(float)),
        .key_stride = (int64_t)key_stride,
        .value_stride = (int64_t)value_stride,
    };
}

size_t CPU_SYMBOL(forward_scratch_bytes)(const varlen_attention *attention)
{
    scratch_cursor cursor = {0};
    take_scratch(&cursor, attention);
    return cursor.used;
}

/* One block of keys against one panel. The loaded keys and values begin with key block_begin. */
static void panel_step(const varlen_attention *attention, const forward_scratch *scratch, int32_t panel,
                       const score_rule *score, const dropout_rule *dropout, int32_t block_begin, int32_t block_end)
{
    panel_columns *columns = &scratch->columns[panel];
    int32_t begin = (int32_t)columns_max(block_begin, columns->begin);
    int32_t end = (int32_t)columns_min(block_end, columns->end);
    if (begin >= end)
        return;

    panel_left keys = {scratch->keys + (begin - block_begin) * scratch->key_stride, scratch->key_stride, 1};
    panel_left values = {scratch->values + (begin - block_begin) * scratch->value_stride, 1, scratch->value_stride};
    const float *queries = scratch->queries + (int64_t)panel * attention->head_dim * PANEL;
    float *outputs = scratch->outputs + (int64_t)panel * attention->value_dim * PANEL;
    float *scores = scratch->scores;

    panel_scores(scores, keys, end - begin, queries, attention->head_dim, columns->vectors);
    if (score->transform)
        score_transform(scores, columns, score, begin, end);
    if (begin < columns->common_begin || end > columns->common_end)
        score_mask(scores, columns, begin, end);
    softmax_step(scores, columns, score->multiplier, end - begin);
    if (dropout->threshold)
        dropout_apply(scores, columns, dropout, 1.0f, begin, end);
    panel_accumulate(outputs, columns->rescale, values, attention->value_dim, scores, end - begin, columns->vectors);
}

/* What a column's sums are multiplied by to give out, and its lse. With a sink, the sums move to the larger of the two
 * references first. */
typedef struct column_result {
    float factor;
    float lse;
} column_result;

static column_result column_finish(const cpu_inputs *inputs, const panel_columns *columns, int32_t column)
{
    const double ln2 = 0.69314718055994530942;
    double maximum = columns->maximum[column];
    double sink = inputs->sinks ? inputs->sinks[columns->head[column]] / ln2 : -INFINITY;
    double reference = fmax(maximum, sink);
    if (reference == -INFINITY)
        return (column_result){.factor = 0.0f, .lse = -INFINITY};
    double rescale = exp2(maximum - reference);
    double sum = columns->sum[column] * rescale + exp2(sink - reference);
    float kept = 1.0f / (1.0f - inputs->attention->dropout_p);
    return (column_result){.factor = (float)(rescale / sum) * kept, .lse = (float)((reference + log2(sum)) * ln2)};
}

static void store_outputs(const cpu_forward_tile *tile, const forward_scratch *scratch, int32_t panel)
{
    const varlen_attention *attention = tile->inputs->attention;
    const panel_columns *columns = &scratch->columns[panel];
    int32_t value_dim = attention->value_dim;
    transpose(scratch->rows, scratch->value_stride, scratch->outputs + (int64_t)panel * value_dim * PANEL, PANEL,
              value_dim, columns->vectors * LANES);
    for (int32_t column = 0; column < columns->count; column++) {
        column_result result = column_finish(tile->inputs, columns, column);
        float *row = scratch->rows + column * scratch->value_stride;
        for (int32_t dim = 0; dim < value_dim; dim++)
            row[dim] *= result.factor;
        row_store(load_address(&tile->out, attention->dtype, &tile->sequence, columns, column), row, attention->dtype,
                  value_dim);
        if (tile->lse) {
            int64_t query = tile->sequence.first_query + columns->query[column];
            tile->lse[columns->head[column] * attention->total_q + query] = result.lse;
        }
    }
}

/* Keys that some row of the tile sees. */
typedef struct key_range {
    int32_t begin;
    int32_t end;
} key_range;

static key_range load_tile(const cpu_forward_tile *tile, const forward_scratch *scratch, int32_t panels)
{
    const varlen_attention *attention = tile->inputs->attention;
    key_range range = {tile->sequence.keys, 0};
    for (int32_t panel = 0; panel < panels; panel++) {
        panel_columns *columns = &scratch->columns[panel];
        int32_t count = (int32_t)columns_min(PANEL, tile->rows - panel * PANEL);
        columns_init(columns, tile->inputs, &tile->sequence, tile->kv_head, tile->first_row + panel * PANEL, count);
        load_queries(scratch->queries + (int64_t)panel * attention->head_dim * PANEL, scratch->rows,
                     scratch->key_stride, &tile->inputs->q, attention, attention->head_dim, &tile->sequence, columns);
        range.begin = (int32_t)columns_min(range.begin, columns->begin);
        range.end = (int32_t)columns_max(range.end, columns->end);
    }
    memset(scratch->outputs, 0, (size_t)panels * (size_t)attention->value_dim * PANEL * sizeof *scratch->outputs);
    return range;
}

void CPU_SYMBOL(forward_tile)(const cpu_forward_tile *tile, void *memory)
{
    const cpu_inputs *inputs = tile->inputs;
    const varlen_attention *attention = inputs->attention;
    scratch_cursor cursor = {.base = memory};
    forward_scratch scratch = take_scratch(&cursor, attention);
    int32_t panels = (tile->rows + PANEL - 1) / PANEL;
    key_range range = load_tile(tile, &scratch, panels);

    cpu_key_rows keys = cpu_key_rows_of(&inputs->keys, tile->kv_head, &tile->sequence);
    cpu_key_rows values = cpu_key_rows_of(&inputs->values, tile->kv_head, &tile->sequence);
    score_rule score = score_rule_of(inputs);
    dropout_rule dropout = dropout_rule_of(inputs, &tile->sequence);
    for (int32_t block = range.begin / KEY_BLOCK * KEY_BLOCK; block < range.end; block += KEY_BLOCK) {
        int32_t begin = (int32_t)columns_max(block, range.begin);
        int32_t end = (int32_t)columns_min((int64_t)block + KEY_BLOCK, range.end);
        load_keys(scratch.keys, scratch.key_stride, &keys, attention->dtype, attention->head_dim, begin, end);
        load_keys(scratch.values, scratch.value_stride, &values, attention->dtype, attention->value_dim, begin, end);
        for (int32_t panel = 0; panel < panels; panel++)
            panel_step(attention, &scratch, panel, &score, &dropout, begin, end);
    }
    for (int32_t panel = 0; panel < panels; panel++)
        store_outputs(tile, &scratch, panel);
}
