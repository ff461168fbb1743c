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
 * Blocks start at multiples of CPU_KEY_BLOCK from the sequence's first key, and a key that a row does not see adds
 * exact zeros to it, so a row's result does not depend on the rows it shares a tile with. */
#include "kernels.h"
#include "kernels/columns.h"
#include "kernels/dropout.h"
#include "kernels/load.h"
#include "kernels/panel.h"
#include "kernels/prefetch.h"
#include "kernels/softmax.h"
#include "kernels/tiles.h"
#include "results.h"
#include "scratch.h"

_Static_assert(CPU_KEY_BLOCK % PANEL_ROWS == 0, "panel_scores rounds rows up to PANEL_ROWS");
_Static_assert(CPU_KEY_BLOCK % 4 == 0, "dropout draws words for four keys at a time");

/* The scratch of one thread. */
typedef struct forward_scratch {
    panel_columns *columns; /* [FORWARD_PANELS] */
    float *queries;         /* [FORWARD_PANELS][head_dim][PANEL] */
    float *outputs;         /* [FORWARD_PANELS][value_dim][PANEL] */
    float *scores;          /* [CPU_KEY_BLOCK][PANEL] */
    float *keys;            /* [CPU_KEY_BLOCK][key_stride] */
    float *values;          /* [CPU_KEY_BLOCK][value_stride] */
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
        .scores = scratch_take(cursor, CPU_KEY_BLOCK * PANEL * sizeof(float)),
        .keys = scratch_take(cursor, CPU_KEY_BLOCK * key_stride * sizeof(float)),
        .values = scratch_take(cursor, CPU_KEY_BLOCK * value_stride * sizeof(float)),
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
    const panel_elements elements = panel_elements_of(attention);
    const int32_t together = elements == PANEL_PAIRS ? 2 : 1; /* steps per element */
    panel_columns *columns = &scratch->columns[panel];
    int32_t begin = (int32_t)cpu_max(block_begin, columns->begin);
    int32_t end = (int32_t)cpu_min(block_end, columns->end);
    if (begin >= end)
        return;
    begin -= (begin - block_begin) % together;

    panel_left keys = {scratch->keys + (begin - block_begin) * scratch->key_stride, scratch->key_stride, 1};
    panel_left values = {scratch->values + (begin - block_begin) / together * scratch->value_stride, 1,
                         scratch->value_stride};
    const float *queries = scratch->queries + (int64_t)panel * attention->head_dim * PANEL;
    float *outputs = scratch->outputs + (int64_t)panel * attention->value_dim * PANEL;
    float *scores = scratch->scores;

    panel_scores(scores, keys, end - begin, queries, attention->head_dim / together, columns->vectors, elements);
    if (score->transform)
        score_transform(scores, columns, score, begin, end);
    if (begin < columns->common_begin || end > columns->common_end)
        score_mask(scores, columns, begin, end);
    softmax_step(scores, columns, score->multiplier, end - begin);
    if (dropout->threshold)
        dropout_apply(scores, columns, dropout, 1.0f, begin, end);
    if (elements == PANEL_PAIRS)
        pairs_pack_rows(scores, end - begin, columns->vectors);
    panel_accumulate(outputs, columns->rescale, values, attention->value_dim, scores,
                     (end - begin + together - 1) / together, columns->vectors, elements);
}

static void store_float_outputs(const cpu_forward_tile *tile, const forward_scratch *scratch, int32_t panel)
{
    const panel_columns *columns = &scratch->columns[panel];
    int32_t value_dim = tile->inputs->attention->value_dim;
    transpose(scratch->rows, scratch->value_stride, scratch->outputs + (int64_t)panel * value_dim * PANEL, PANEL,
              value_dim, columns->vectors * LANES);
    for (int32_t column = 0; column < columns->count; column++)
        cpu_store_row(tile, panel * PANEL + column, scratch->rows + column * scratch->value_stride,
                      columns->maximum[column], columns->sum[column]);
}

/* Rounded and paired along value_dim first, there is half as much to transpose. */
static void store_pair_outputs(const cpu_forward_tile *tile, const forward_scratch *scratch, int32_t panel)
{
    panel_columns *columns = &scratch->columns[panel];
    int32_t value_dim = tile->inputs->attention->value_dim;
    float *outputs = scratch->outputs + (int64_t)panel * value_dim * PANEL;
    char *rows[PANEL];
    for (int32_t column = 0; column < columns->count; column++) {
        cpu_row_place place =
            cpu_place_row(tile, panel * PANEL + column, columns->maximum[column], columns->sum[column]);
        rows[column] = place.out;
        columns->rescale[column] = place.factor;
    }
    pairs_scale_rows(outputs, columns->rescale, value_dim, columns->vectors);
    transpose(scratch->rows, scratch->value_stride, outputs, PANEL, value_dim / 2, columns->vectors * LANES);
    for (int32_t column = 0; column < columns->count; column++)
        row_copy(rows[column], scratch->rows + column * scratch->value_stride, value_dim * (int64_t)sizeof(uint16_t));
}

static void store_outputs(const cpu_forward_tile *tile, const forward_scratch *scratch, int32_t panel)
{
    if (panel_elements_of(tile->inputs->attention) == PANEL_PAIRS && !tile->partial.out)
        store_pair_outputs(tile, scratch, panel);
    else
        store_float_outputs(tile, scratch, panel);
}

static void load_panel(const cpu_forward_tile *tile, const forward_scratch *scratch, int32_t panel)
{
    const varlen_attention *attention = tile->inputs->attention;
    const panel_columns *columns = &scratch->columns[panel];
    float *queries = scratch->queries + (int64_t)panel * attention->head_dim * PANEL;
    if (panel_elements_of(attention) == PANEL_PAIRS)
        load_query_pairs(queries, scratch->rows, scratch->key_stride, &tile->inputs->q, attention->head_dim,
                         &tile->sequence, columns);
    else
        load_queries(queries, scratch->rows, scratch->key_stride, &tile->inputs->q, attention, attention->head_dim,
                     &tile->sequence, columns);
}

static void load_block(const varlen_attention *attention, const forward_scratch *scratch, const cpu_key_rows *keys,
                       const cpu_key_rows *values, int32_t begin, int32_t end)
{
    if (panel_elements_of(attention) == PANEL_PAIRS) {
        load_key_pairs(scratch->keys, scratch->key_stride, keys, attention->head_dim, begin, end);
        load_neighbour_pairs(scratch->values, scratch->value_stride, values, attention->value_dim, begin, end);
    } else {
        load_keys(scratch->keys, scratch->key_stride, keys, attention->dtype, attention->head_dim, begin, end);
        load_keys(scratch->values, scratch->value_stride, values, attention->dtype, attention->value_dim, begin, end);
    }
}

/* Returns the keys that some row of the tile sees. */
static cpu_span load_tile(const cpu_forward_tile *tile, const forward_scratch *scratch, int32_t panels)
{
    const varlen_attention *attention = tile->inputs->attention;
    cpu_span range = {tile->keys.end, tile->keys.begin};
    for (int32_t panel = 0; panel < panels; panel++) {
        panel_columns *columns = &scratch->columns[panel];
        int32_t count = (int32_t)cpu_min(PANEL, tile->rows - panel * PANEL);
        columns_init(columns, tile->inputs, &tile->sequence, tile->kv_head, tile->first_row + panel * PANEL, count);
        load_panel(tile, scratch, panel);
        range.begin = cpu_min(range.begin, columns->begin);
        range.end = cpu_max(range.end, columns->end);
    }
    memset(scratch->outputs, 0, (size_t)panels * (size_t)attention->value_dim * PANEL * sizeof *scratch->outputs);
    range.begin = cpu_max(range.begin, tile->keys.begin);
    range.end = cpu_min(range.end, tile->keys.end);
    return range;
}

void CPU_SYMBOL(forward_tile)(const cpu_forward_tile *tile, void *memory)
{
    const cpu_inputs *inputs = tile->inputs;
    const varlen_attention *attention = inputs->attention;
    scratch_cursor cursor = {.base = memory};
    forward_scratch scratch = take_scratch(&cursor, attention);
    int32_t panels = (tile->rows + PANEL - 1) / PANEL;
    cpu_span range = load_tile(tile, &scratch, panels);

    cpu_key_rows keys = cpu_key_rows_of(&inputs->keys, tile->kv_head, &tile->sequence);
    cpu_key_rows values = cpu_key_rows_of(&inputs->values, tile->kv_head, &tile->sequence);
    score_rule score = score_rule_of(inputs);
    dropout_rule dropout = dropout_rule_of(inputs, &tile->sequence);
    for (int64_t block = range.begin / CPU_KEY_BLOCK * CPU_KEY_BLOCK; block < range.end; block += CPU_KEY_BLOCK) {
        int32_t begin = (int32_t)cpu_max(block, range.begin);
        int32_t end = (int32_t)cpu_min(block + CPU_KEY_BLOCK, range.end);
        load_block(attention, &scratch, &keys, &values, begin, end);
        prefetch_plan plan = prefetch_plan_of(tile, (cpu_span){end, range.end});
        for (int32_t panel = 0; panel < panels; panel++) {
            prefetch_some(&plan, panel, panels);
            panel_step(attention, &scratch, panel, &score, &dropout, begin, end);
        }
    }
    for (int32_t panel = 0; panel < panels; panel++)
        store_outputs(tile, &scratch, panel);
}
