/* Forward attention of one tile: FlashAttention's online softmax (Dao, 2023) over blocks of keys. Compiled once per
 * instruction set; CPU_ISA is its name.
 *
 *     for each block of keys:
 *         keys, values = load(block)                           rows of float
 *         for each panel of query rows:
 *             S = K Q                  [key][query]            panel_scores; times the keys' scales, if quantised
 *             S = transform, mask(S)                           only where softcap, ALiBi or the mask's edge asks
 *             P = exp2(S - maximum)                            softmax_step, softmax_pairs_step; times the scales of
 *                                                              values, if quantised
 *             O = O * rescale + V^T P  [value][query]          panel_accumulate
 *     out = O / sum, lse = log(sum) + maximum
 *
 * Blocks start at multiples of FORWARD_KEYS from the sequence's first key, and what is added in one step of a product
 * at multiples of forward_key_step. A key that a row does not see adds exact zeros to it, so a row's result does not
 * depend on the rows it shares a tile with. */
#include "kernels.h"
#include "kernels/forward_work.h"
#include "kernels/prefetch.h"
#include "results.h"
#if defined(CPU_AMX)
#include "kernels/forward_amx.h"
#else
#include "kernels/forward_vectors.h"
#endif

size_t CPU_SYMBOL(forward_scratch_bytes)(const varlen_attention *attention)
{
    scratch_cursor cursor = {0};
    forward_take_scratch(&cursor, attention);
    return cursor.used;
}

static void store_float_outputs(const cpu_forward_tile *tile, const forward_scratch *scratch, int32_t panel)
{
    const panel_columns *columns = &scratch->columns[panel];
    int32_t value_dim = tile->inputs->attention->value_dim;
    transpose(scratch->rows, scratch->value_stride, forward_outputs(scratch, panel), PANEL, value_dim,
              columns->vectors * LANES);
    for (int32_t column = 0; column < columns->count; column++)
        cpu_store_row(tile, panel * PANEL + column, scratch->rows + column * scratch->value_stride,
                      columns->maximum[column], columns->sum[column]);
}

/* Rounded and paired along value_dim first, there is half as much to transpose. */
static void store_pair_outputs(const cpu_forward_tile *tile, const forward_scratch *scratch, int32_t panel)
{
    panel_columns *columns = &scratch->columns[panel];
    int32_t value_dim = tile->inputs->attention->value_dim;
    float *outputs = forward_outputs(scratch, panel);
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
    float *queries = forward_queries(scratch, panel);
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
        load_keys(scratch->keys, scratch->key_stride, keys, keys->dtype, attention->head_dim, begin, end);
        if (scratch->values != scratch->keys)
            load_keys(scratch->values, scratch->value_stride, values, values->dtype, attention->value_dim, begin, end);
    }
}

/* Returns the keys that some row of the tile sees, from a multiple of forward_key_step on. */
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
    range.begin -= range.begin % forward_key_step(attention);
    return range;
}

void CPU_SYMBOL(forward_tile)(const cpu_forward_tile *tile, void *memory)
{
    const cpu_inputs *inputs = tile->inputs;
    scratch_cursor cursor = {.base = memory};
    forward_work work = {
        .attention = inputs->attention,
        .scratch = forward_take_scratch(&cursor, inputs->attention),
        .score = inputs->score,
        .dropout = dropout_rule_of(inputs, &tile->sequence),
    };
    if (inputs->values_in_keys && panel_elements_of(inputs->attention) == PANEL_FLOATS) {
        work.scratch.values = work.scratch.keys;
        work.scratch.value_row = inputs->attention->head_dim;
    }
    int32_t panels = (tile->rows + PANEL - 1) / PANEL;
    cpu_span range = load_tile(tile, &work.scratch, panels);
    cpu_key_rows keys = cpu_key_rows_of(&inputs->keys, tile->kv_head, &tile->sequence);
    cpu_key_rows values = cpu_key_rows_of(&inputs->values, tile->kv_head, &tile->sequence);
    panel_begin_products();
    for (int64_t first = range.begin / FORWARD_KEYS * FORWARD_KEYS; first < range.end; first += FORWARD_KEYS) {
        cpu_span block = {cpu_max(first, range.begin), cpu_min(first + FORWARD_KEYS, range.end)};
        load_block(work.attention, &work.scratch, &keys, &values, (int32_t)block.begin, (int32_t)block.end);
        work.key_scales = load_scales(work.scratch.key_scales, &inputs->key_scales, tile->kv_head, &tile->sequence,
                                      (int32_t)block.begin, (int32_t)block.end);
        work.value_scales = load_scales(work.scratch.value_scales, &inputs->value_scales, tile->kv_head,
                                        &tile->sequence, (int32_t)block.begin, (int32_t)block.end);
        prefetch_plan plan = prefetch_plan_of(tile, (cpu_span){block.end, range.end});
        forward_block(&work, panels, block, &plan);
    }
    panel_end_products();
    for (int32_t panel = 0; panel < panels; panel++)
        store_outputs(tile, &work.scratch, panel);
}
