/* Forward attention of one tile: FlashAttention's online softmax (Dao, 2023) over blocks of keys. Compiled once per
 * instruction set; CPU_ISA is its name.
 *
 *     for each block of keys:
 *         keys, values = load(block)                           rows of float
 *         for each panel of query rows:
 *             S = K Q                  [key][query]            panel_scores
 *             S = transform, mask(S)                           only where softcap, ALiBi or the mask's edge asks
 *             P = exp2(S - maximum)                            softmax_step, softmax_pairs_step
 *             O = O * rescale + V^T P  [value][query]          panel_accumulate
 *     out = O / sum, lse = log(sum) + maximum
 *
 * Blocks start at multiples of FORWARD_KEYS from the sequence's first key, and what is added in one step of a product
 * at multiples of key_step. A key that a row does not see adds exact zeros to it, so a row's result does not depend on
 * the rows it shares a tile with. */
#include "kernels.h"
#include "kernels/columns.h"
#include "kernels/dropout.h"
#include "kernels/load.h"
#include "kernels/panel.h"
#include "kernels/prefetch.h"
#include "kernels/softmax.h"
#include "kernels/softmax_pairs.h"
#include "kernels/tiles.h"
#include "results.h"
#include "scratch.h"

_Static_assert((int)FORWARD_KEYS % (int)PANEL_ROW_STEP == 0, "panel_scores rounds rows up to PANEL_ROW_STEP");
_Static_assert(FORWARD_KEYS % 4 == 0, "dropout draws words for four keys at a time");

/* The scratch of one thread. */
typedef struct forward_scratch {
    panel_columns *columns; /* [FORWARD_PANELS] */
    float *queries;         /* [FORWARD_PANELS][query_rows][PANEL] */
    float *outputs;         /* [FORWARD_PANELS][output_rows][PANEL] */
    float *scores;          /* [FORWARD_SCORES][PANEL] */
    float *weights;         /* [FORWARD_KEYS / together][PANEL]; where FORWARD_SCORES is FORWARD_KEYS, scores */
    float *keys;            /* [FORWARD_KEYS][key_stride] */
    float *values;          /* as load_transposed wants them */
    float *rows;            /* [PANEL][key_stride or value_stride] */
    int32_t query_rows;     /* head_dim and value_dim, rounded up for the products */
    int32_t output_rows;
    int64_t key_stride;
    int64_t value_stride;
} forward_scratch;

static forward_scratch take_scratch(scratch_cursor *cursor, const varlen_attention *attention)
{
    const size_t panel = PANEL * sizeof(float);
    size_t query_rows = (size_t)panel_round_up(attention->head_dim, PANEL_STEPS);
    size_t output_rows = (size_t)panel_round_up(attention->value_dim, PANEL_STEPS);
    size_t key_stride = (size_t)load_stride(attention->head_dim);
    size_t value_stride = (size_t)load_stride(attention->value_dim);
    /* With half a row between them, loads of scores do not wait for stores of weights: processors compare addresses by
     * their lower 12 bits first. */
    const size_t scores = FORWARD_SCORES * panel + panel / 2;
    const size_t weights = FORWARD_SCORES == FORWARD_KEYS ? 0 : FORWARD_KEYS / 2 * panel;
    forward_scratch scratch = {
        .columns = scratch_take(cursor, FORWARD_PANELS * sizeof(panel_columns)),
        .queries = scratch_take(cursor, FORWARD_PANELS * query_rows * panel),
        .outputs = scratch_take(cursor, FORWARD_PANELS * output_rows * panel),
        .scores = scratch_take(cursor, scores),
        .weights = scratch_take(cursor, weights),
        .keys = scratch_take(cursor, FORWARD_KEYS * key_stride * sizeof(float)),
        .values = scratch_take(cursor, load_transposed_bytes(attention->value_dim, FORWARD_KEYS)),
        .rows = scratch_take(cursor, PANEL * (key_stride > value_stride ? key_stride : value_stride) * sizeof(float)),
        .query_rows = (int32_t)query_rows,
        .output_rows = (int32_t)output_rows,
        .key_stride = (int64_t)key_stride,
        .value_stride = (int64_t)value_stride,
    };
    if (weights == 0)
        scratch.weights = scratch.scores;
    return scratch;
}

size_t CPU_SYMBOL(forward_scratch_bytes)(const varlen_attention *attention)
{
    scratch_cursor cursor = {0};
    take_scratch(&cursor, attention);
    return cursor.used;
}

/* Steps of a product over head_dim or keys that make one element. */
static int32_t together(panel_elements elements)
{
    return elements == PANEL_PAIRS ? 2 : 1;
}

/* Keys that a product over keys takes in one step. */
static int32_t key_step(panel_elements elements)
{
    return PANEL_STEPS * together(elements);
}

/* From scores to weights, ready for panel_accumulate. */
static void weigh(float *scores, float *weights, panel_columns *columns, const score_rule *score,
                  const dropout_rule *dropout, panel_elements elements, int32_t begin, int32_t end)
{
    if (score->transform)
        score_transform(scores, columns, score, begin, end);
    if (begin < columns->common_begin || end > columns->common_end)
        score_mask(scores, columns, begin, end);
    if (PANEL_ON_AMX && !dropout->threshold) {
        softmax_pairs_step(weights, scores, columns, score->multiplier, end - begin);
        return;
    }
    softmax_step(scores, columns, score->multiplier, end - begin);
    if (dropout->threshold)
        dropout_apply(scores, columns, dropout, 1.0f, begin, end);
    if (elements == PANEL_PAIRS)
        pairs_pack_rows(weights, scores, end - begin, columns->vectors);
}

static int rescales(const panel_columns *columns)
{
    vint any = vector_splat_int(0);
    for (int v = 0; v < columns->vectors; v++)
        any |= (vint)(vector_load(columns->rescale + v * LANES) != vector_splat(1.0f));
    return softmax_pairs_any(any);
}

/* Weights that outputs do not have yet. */
typedef struct forward_pending {
    float factors[PANEL]; /* what outputs are multiplied by first */
    const float *weights;
    int32_t begin, end; /* their keys */
} __attribute__((aligned(VECTOR_BYTES))) forward_pending;

static void add_pending(const varlen_attention *attention, const forward_scratch *scratch, int32_t panel,
                        const forward_pending *pending, int32_t block_begin)
{
    const panel_elements elements = panel_elements_of(attention);
    panel_left values =
        load_transposed(scratch->values, attention->value_dim, FORWARD_KEYS, pending->begin - block_begin, elements);
    panel_accumulate(scratch->outputs + (int64_t)panel * scratch->output_rows * PANEL, pending->factors, values,
                     attention->value_dim, pending->weights,
                     (pending->end - pending->begin + together(elements) - 1) / together(elements),
                     scratch->columns[panel].vectors, elements);
}

/* One block of keys against one panel. The loaded keys and values begin with key block_begin. */
static void panel_step(const varlen_attention *attention, const forward_scratch *scratch, int32_t panel,
                       const score_rule *score, const dropout_rule *dropout, int32_t block_begin, int32_t block_end)
{
    const panel_elements elements = panel_elements_of(attention);
    panel_columns *columns = &scratch->columns[panel];
    int32_t begin = (int32_t)cpu_max(block_begin, columns->begin);
    int32_t end = (int32_t)cpu_min(block_end, columns->end);
    if (begin >= end)
        return;
    begin -= (begin - block_begin) % key_step(elements);

    const float *queries = scratch->queries + (int64_t)panel * scratch->query_rows * PANEL;
    forward_pending pending;
    for (int32_t first = begin; first < end; first = pending.end) {
        const int32_t last = (int32_t)cpu_min(first - first % FORWARD_SCORES + FORWARD_SCORES, end);
        panel_left keys = {scratch->keys + (first - block_begin) * scratch->key_stride, scratch->key_stride, 1};
        float *weights = scratch->weights + (int64_t)((first - begin) / together(elements)) * PANEL;
        panel_scores(scratch->scores, keys, last - first, queries, attention->head_dim / together(elements),
                     columns->vectors, elements);
        weigh(scratch->scores, weights, columns, score, dropout, elements, first, last);
        if (first == begin || rescales(columns)) {
            if (first > begin)
                add_pending(attention, scratch, panel, &pending, block_begin);
            pending.weights = weights;
            pending.begin = first;
            memcpy(pending.factors, columns->rescale, sizeof pending.factors);
        }
        pending.end = last;
    }
    add_pending(attention, scratch, panel, &pending, block_begin);
}

static void store_float_outputs(const cpu_forward_tile *tile, const forward_scratch *scratch, int32_t panel)
{
    const panel_columns *columns = &scratch->columns[panel];
    int32_t value_dim = tile->inputs->attention->value_dim;
    transpose(scratch->rows, scratch->value_stride, scratch->outputs + (int64_t)panel * scratch->output_rows * PANEL,
              PANEL, value_dim, columns->vectors * LANES);
    for (int32_t column = 0; column < columns->count; column++)
        cpu_store_row(tile, panel * PANEL + column, scratch->rows + column * scratch->value_stride,
                      columns->maximum[column], columns->sum[column]);
}

/* Rounded and paired along value_dim first, there is half as much to transpose. */
static void store_pair_outputs(const cpu_forward_tile *tile, const forward_scratch *scratch, int32_t panel)
{
    panel_columns *columns = &scratch->columns[panel];
    int32_t value_dim = tile->inputs->attention->value_dim;
    float *outputs = scratch->outputs + (int64_t)panel * scratch->output_rows * PANEL;
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
    float *queries = scratch->queries + (int64_t)panel * scratch->query_rows * PANEL;
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
        load_transposed_pairs(scratch->values, scratch->rows, values, attention->value_dim, FORWARD_KEYS, begin, end);
    } else {
        load_keys(scratch->keys, scratch->key_stride, keys, attention->dtype, attention->head_dim, begin, end);
        load_keys(scratch->values, scratch->value_stride, values, attention->dtype, attention->value_dim, begin, end);
    }
}

/* Returns the keys that some row of the tile sees, from a multiple of key_step on. */
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
    memset(scratch->outputs, 0, (size_t)panels * (size_t)scratch->output_rows * PANEL * sizeof *scratch->outputs);
    range.begin = cpu_max(range.begin, tile->keys.begin);
    range.end = cpu_min(range.end, tile->keys.end);
    range.begin -= range.begin % key_step(panel_elements_of(attention));
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
    panel_begin_products();
    for (int64_t block = range.begin / FORWARD_KEYS * FORWARD_KEYS; block < range.end; block += FORWARD_KEYS) {
        int32_t begin = (int32_t)cpu_max(block, range.begin);
        int32_t end = (int32_t)cpu_min(block + FORWARD_KEYS, range.end);
        load_block(attention, &scratch, &keys, &values, begin, end);
        prefetch_plan plan = prefetch_plan_of(tile, (cpu_span){end, range.end});
        for (int32_t panel = 0; panel < panels; panel++) {
            prefetch_some(&plan, panel, panels);
            panel_step(attention, &scratch, panel, &score, &dropout, begin, end);
        }
    }
    panel_end_products();
    for (int32_t panel = 0; panel < panels; panel++)
        store_outputs(tile, &scratch, panel);
}
