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
#include "kernels/panel.h"
#include "kernels/softmax.h"
#include "rows.h"

/* Changes speed, and results in their last bits. */
enum {
    KEY_BLOCK = 64,   /* keys per step of the online softmax */
    TILE_PANELS = 4,  /* panels that share a loaded block */
    ROW_PADDING = 16, /* floats between loaded rows, so that they do not fall into the same cache sets */
    MAX_DIM = 256,
    SCRATCH_ALIGNMENT = 64
};
_Static_assert(KEY_BLOCK % PANEL_ROWS == 0, "panel_scores rounds rows up to PANEL_ROWS");
_Static_assert(KEY_BLOCK % 4 == 0, "dropout draws words for four keys at a time");

/* The scratch of one thread. */
typedef struct forward_scratch {
    panel_columns *columns; /* [TILE_PANELS] */
    float *queries;         /* [TILE_PANELS][head_dim][PANEL] */
    float *outputs;         /* [TILE_PANELS][value_dim][PANEL] */
    float *scores;          /* [KEY_BLOCK][PANEL] */
    float *keys;            /* [KEY_BLOCK][key_stride] */
    float *values;          /* [KEY_BLOCK][value_stride] */
    int64_t key_stride;
    int64_t value_stride;
} forward_scratch;

/* Where the parts of the scratch begin, in bytes; each one ends where the next begins. */
typedef struct forward_layout {
    size_t queries, outputs, scores, keys, values, end;
} forward_layout;

static size_t after(size_t offset, size_t count, size_t element)
{
    return (offset + count * element + SCRATCH_ALIGNMENT - 1) / SCRATCH_ALIGNMENT * SCRATCH_ALIGNMENT;
}

static forward_layout layout_of(const varlen_attention *attention)
{
    size_t head_dim = (size_t)attention->head_dim;
    size_t value_dim = (size_t)attention->value_dim;
    forward_layout layout;
    layout.queries = after(0, TILE_PANELS, sizeof(panel_columns));
    layout.outputs = after(layout.queries, TILE_PANELS * head_dim * PANEL, sizeof(float));
    layout.scores = after(layout.outputs, TILE_PANELS * value_dim * PANEL, sizeof(float));
    layout.keys = after(layout.scores, KEY_BLOCK * PANEL, sizeof(float));
    layout.values = after(layout.keys, KEY_BLOCK * (head_dim + ROW_PADDING), sizeof(float));
    layout.end = after(layout.values, KEY_BLOCK * (value_dim + ROW_PADDING), sizeof(float));
    return layout;
}

static size_t forward_scratch_bytes(const varlen_attention *attention)
{
    return layout_of(attention).end;
}

static forward_scratch scratch_at(char *memory, const varlen_attention *attention)
{
    forward_layout layout = layout_of(attention);
    return (forward_scratch){
        .columns = (panel_columns *)memory,
        .queries = (float *)(memory + layout.queries),
        .outputs = (float *)(memory + layout.outputs),
        .scores = (float *)(memory + layout.scores),
        .keys = (float *)(memory + layout.keys),
        .values = (float *)(memory + layout.values),
        .key_stride = attention->head_dim + ROW_PADDING,
        .value_stride = attention->value_dim + ROW_PADDING,
    };
}

static char *query_row(const varlen_tensor *tensor, const cpu_forward_tile *tile, const panel_columns *columns,
                       int32_t column)
{
    int64_t row = tile->sequence.first_query + columns->query[column];
    int64_t element = row * tensor->token_stride + columns->head[column] * tensor->head_stride;
    return (char *)tensor->data + element * varlen_dtype_size(tile->attention->dtype);
}

/* queries[dim][column]; columns past the last row are 0. */
static void load_queries(float *queries, const cpu_forward_tile *tile, const panel_columns *columns)
{
    int32_t head_dim = tile->attention->head_dim;
    float row[MAX_DIM];
    for (int32_t column = 0; column < columns->vectors * LANES; column++) {
        if (column < columns->count)
            row_load(row, query_row(&tile->args->q, tile, columns, column), tile->attention->dtype, head_dim);
        else
            memset(row, 0, (size_t)head_dim * sizeof *row);
        for (int32_t dim = 0; dim < head_dim; dim++)
            queries[(int64_t)dim * PANEL + column] = row[dim];
    }
}

static void load_keys(float *destination, int64_t stride, const cpu_key_rows *rows, varlen_dtype dtype, int32_t dim,
                      int32_t begin, int32_t end)
{
    for (int32_t key = begin; key < end; key++)
        row_load(destination + (key - begin) * stride, cpu_key_row(rows, key), dtype, dim);
}

/* One block of keys against one panel. keys, values: rows from key block_begin on. */
static void panel_step(const cpu_forward_tile *tile, const forward_scratch *scratch, int32_t panel,
                       const score_rule *score, const dropout_rule *dropout, int32_t block_begin, int32_t block_end)
{
    const varlen_attention *attention = tile->attention;
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
        dropout_apply(scores, columns, dropout, begin, end);
    panel_accumulate(outputs, columns->rescale, values, attention->value_dim, scores, end - begin, columns->vectors);
}

/* What a column's sums are multiplied by to give out, and its lse. With a sink, the sums move to the larger of the two
 * references first. */
typedef struct column_result {
    float factor;
    float lse;
} column_result;

static column_result column_finish(const cpu_forward_tile *tile, const panel_columns *columns, int32_t column)
{
    const double ln2 = 0.69314718055994530942;
    const float *sinks = tile->args->sinks;
    double maximum = columns->maximum[column];
    double sink = sinks ? sinks[columns->head[column]] / ln2 : -INFINITY;
    double reference = fmax(maximum, sink);
    if (reference == -INFINITY)
        return (column_result){.factor = 0.0f, .lse = -INFINITY};
    double rescale = exp2(maximum - reference);
    double sum = columns->sum[column] * rescale + exp2(sink - reference);
    float kept = 1.0f / (1.0f - tile->attention->dropout_p);
    return (column_result){.factor = (float)(rescale / sum) * kept, .lse = (float)((reference + log2(sum)) * ln2)};
}

static void store_outputs(const float *outputs, const cpu_forward_tile *tile, const panel_columns *columns)
{
    const varlen_attention *attention = tile->attention;
    float row[MAX_DIM];
    for (int32_t column = 0; column < columns->count; column++) {
        column_result result = column_finish(tile, columns, column);
        for (int32_t dim = 0; dim < attention->value_dim; dim++)
            row[dim] = outputs[(int64_t)dim * PANEL + column] * result.factor;
        row_store(query_row(&tile->args->out, tile, columns, column), row, attention->dtype, attention->value_dim);
        if (tile->args->lse) {
            int64_t query = tile->sequence.first_query + columns->query[column];
            tile->args->lse[columns->head[column] * attention->total_q + query] = result.lse;
        }
    }
}

static void forward_tile(const cpu_forward_tile *tile, void *memory)
{
    const varlen_attention *attention = tile->attention;
    const varlen_forward_args *args = tile->args;
    forward_scratch scratch = scratch_at(memory, attention);
    int32_t panels = (tile->rows + PANEL - 1) / PANEL;
    int32_t begin = tile->sequence.keys;
    int32_t end = 0;
    for (int32_t panel = 0; panel < panels; panel++) {
        panel_columns *columns = &scratch.columns[panel];
        columns_init(columns, tile, tile->first_row + panel * PANEL,
                     (int32_t)columns_min(PANEL, tile->rows - panel * PANEL));
        load_queries(scratch.queries + (int64_t)panel * attention->head_dim * PANEL, tile, columns);
        begin = (int32_t)columns_min(begin, columns->begin);
        end = (int32_t)columns_max(end, columns->end);
    }
    memset(scratch.outputs, 0, (size_t)panels * attention->value_dim * PANEL * sizeof *scratch.outputs);

    cpu_key_rows keys = cpu_key_rows_of(&args->k, args->k_page_stride, attention->page_size, attention->dtype,
                                        tile->kv_head, &tile->sequence);
    cpu_key_rows values = cpu_key_rows_of(&args->v, args->v_page_stride, attention->page_size, attention->dtype,
                                          tile->kv_head, &tile->sequence);
    score_rule score = score_rule_of(attention, args);
    dropout_rule dropout = dropout_rule_of(tile);
    for (int32_t block = begin / KEY_BLOCK * KEY_BLOCK; block < end; block += KEY_BLOCK) {
        int32_t block_begin = (int32_t)columns_max(block, begin);
        int32_t block_end = (int32_t)columns_min((int64_t)block + KEY_BLOCK, end);
        load_keys(scratch.keys, scratch.key_stride, &keys, attention->dtype, attention->head_dim, block_begin,
                  block_end);
        load_keys(scratch.values, scratch.value_stride, &values, attention->dtype, attention->value_dim, block_begin,
                  block_end);
        for (int32_t panel = 0; panel < panels; panel++)
            panel_step(tile, &scratch, panel, &score, &dropout, block_begin, block_end);
    }
    for (int32_t panel = 0; panel < panels; panel++)
        store_outputs(scratch.outputs + (int64_t)panel * attention->value_dim * PANEL, tile, &scratch.columns[panel]);
}

#define KERNELS_NAME_(isa) cpu_kernels_##isa
#define KERNELS_NAME(isa) KERNELS_NAME_(isa)
#define TEXT_(text) #text
#define TEXT(text) TEXT_(text)

const cpu_kernels KERNELS_NAME(CPU_ISA) = {
    .name = TEXT(CPU_ISA),
    .tile_rows = TILE_PANELS * PANEL,
    .forward_scratch_bytes = forward_scratch_bytes,
    .forward = forward_tile,
};
