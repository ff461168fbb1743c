/* Backward attention of one tile of keys (Dao, FlashAttention-2, 2023). Compiled once per instruction set.
 *
 *     for each panel of query rows that sees the tile:
 *         S  = K Q                             [key][query]
 *         P  = exp2(transform, mask(S) - lse)  weights again, from forward's lse
 *         dP = V dO                            [key][query]
 *         dS = P * (dP - delta)                and the derivative of softcap
 *         dV += P dO,  dK += dS Q              [key][dim], kept by this tile
 *         dQ += K^T dS                         [dim][query], in order of the tiles
 *     dk = scale * dK, dv = dV; whoever adds last to a panel writes dq = scale * dQ */
#include "kernels.h"
#include "kernels/columns.h"
#include "kernels/dropout.h"
#include "kernels/load.h"
#include "kernels/panel_products.h"
#include "kernels/softmax.h"
#include "kernels/tiles.h"
#include "kernels/turns.h"
#include "scratch.h"
#include "span.h"

#include <stdbool.h>

_Static_assert((int)BACKWARD_KEYS % (int)PANEL_ROW_STEP == 0, "panel products round rows up to PANEL_ROW_STEP");
_Static_assert(BACKWARD_KEYS % 4 == 0, "dropout draws words for four keys at a time");

/* The scratch of one thread. Rows of queries and keys have the same strides. */
typedef struct backward_scratch {
    panel_columns *columns;
    float *query_panel; /* [head_dim, rounded up for the products][PANEL] */
    float *query_rows;  /* [PANEL][key_stride] */
    float *dout_panel;  /* [value_dim likewise][PANEL] */
    float *dout_rows;   /* [PANEL][value_stride] */
    float *query_pairs; /* [PANEL / 2][key_stride]: pairs of neighbouring rows */
    float *dout_pairs;  /* [PANEL / 2][value_stride] */
    float *key_pairs;   /* as load_transposed wants them */
    float *keys;        /* [BACKWARD_KEYS][key_stride] */
    float *values;      /* [BACKWARD_KEYS][value_stride] */
    float *dk;          /* [BACKWARD_KEYS][key_stride] */
    float *dv;          /* [BACKWARD_KEYS][value_stride] */
    float *weights;     /* [BACKWARD_KEYS][PANEL]: scores, then weights */
    float *slopes;      /* [BACKWARD_KEYS][PANEL]: derivative of softcap */
    float *dscores;     /* [BACKWARD_KEYS][PANEL]: dP, then dS */
    float *dq_panel;    /* of a panel that no other tile adds to */
    int64_t key_stride;
    int64_t value_stride;
} backward_scratch;

static backward_scratch take_scratch(scratch_cursor *cursor, const varlen_attention *attention)
{
    const size_t panel = PANEL * sizeof(float);
    size_t key_row = (size_t)load_stride(attention->head_dim) * sizeof(float);
    size_t value_row = (size_t)load_stride(attention->value_dim) * sizeof(float);
    return (backward_scratch){
        .columns = scratch_take(cursor, sizeof(panel_columns)),
        .query_panel = scratch_take(cursor, (size_t)panel_round_up(attention->head_dim, PANEL_STEPS) * panel),
        .query_rows = scratch_take(cursor, PANEL * key_row),
        .dout_panel = scratch_take(cursor, (size_t)panel_round_up(attention->value_dim, PANEL_STEPS) * panel),
        .dout_rows = scratch_take(cursor, PANEL * value_row),
        .query_pairs = scratch_take(cursor, PANEL / 2 * key_row),
        .dout_pairs = scratch_take(cursor, PANEL / 2 * value_row),
        .key_pairs = scratch_take(cursor, load_transposed_bytes(attention->head_dim, BACKWARD_KEYS)),
        .keys = scratch_take(cursor, BACKWARD_KEYS * key_row),
        .values = scratch_take(cursor, BACKWARD_KEYS * value_row),
        .dk = scratch_take(cursor, BACKWARD_KEYS * key_row),
        .dv = scratch_take(cursor, BACKWARD_KEYS * value_row),
        .weights = scratch_take(cursor, BACKWARD_KEYS * panel),
        .slopes = scratch_take(cursor, BACKWARD_KEYS * panel),
        .dscores = scratch_take(cursor, BACKWARD_KEYS * panel),
        .dq_panel = scratch_take(cursor, cpu_dq_panel_floats(attention, PANEL) * sizeof(float)),
        .key_stride = load_stride(attention->head_dim),
        .value_stride = load_stride(attention->value_dim),
    };
}

size_t CPU_SYMBOL(backward_scratch_bytes)(const varlen_attention *attention)
{
    scratch_cursor cursor = {0};
    take_scratch(&cursor, attention);
    return cursor.used;
}

/* What stays the same over the panels of a tile. */
typedef struct backward_work {
    const cpu_backward_tile *tile;
    const varlen_attention *attention;
    backward_scratch scratch;
    score_rule score;
    dropout_rule dropout;
    float kept; /* what dropout multiplies kept weights by */
    panel_elements elements;
    int32_t together; /* steps per element */
    int32_t first_key;
    int32_t end_key;
} backward_work;

/* Reads forward's lse, in units of log2, and delta into the columns. */
static void load_statistics(float *lse, float *delta, const backward_work *work, const panel_columns *columns)
{
    for (int32_t column = 0; column < columns->vectors * LANES; column++) {
        int64_t row = work->tile->sequence.first_query + columns->query[column];
        int64_t index = columns->head[column] * work->attention->total_q + row;
        float value = work->tile->gradients->lse[index];
        /* A row that sees nothing: every key is masked. */
        lse[column] = value == -INFINITY ? 0.0f : score_finite(value * cpu_log2e);
        delta[column] = column < columns->count ? work->tile->gradients->delta[index] : 0.0f;
    }
}

/* scores become weights. */
static void weights_from_lse(float *scores, const float *lse, float multiplier, int32_t keys, int vectors)
{
    for (int v = 0; v < vectors; v++) {
        vfloat reference = vector_load(lse + v * LANES);
        for (int32_t key = 0; key < keys; key++) {
            float *address = scores + (int64_t)key * PANEL + v * LANES;
            vector_store(address, vector_exp2_nonpositive(vector_load(address) * multiplier - reference));
        }
    }
}

/* dscores: from dP to dS. */
static void scores_gradient(float *dscores, const float *weights, const float *delta, const float *slopes, int32_t keys,
                            int vectors)
{
    for (int v = 0; v < vectors; v++) {
        vfloat row_delta = vector_load(delta + v * LANES);
        for (int32_t key = 0; key < keys; key++) {
            int64_t offset = (int64_t)key * PANEL + v * LANES;
            vfloat gradient = vector_load(weights + offset) * (vector_load(dscores + offset) - row_delta);
            if (slopes)
                gradient *= vector_load(slopes + offset);
            vector_store(dscores + offset, gradient);
        }
    }
}

/* Writes dq of a panel's rows. dq_panel[dim][column] becomes rows in scratch. */
static void store_dq(const backward_work *work, const float *dq_panel, const panel_columns *columns)
{
    const varlen_attention *attention = work->attention;
    float *rows = work->scratch.query_rows;
    transpose(rows, work->scratch.key_stride, dq_panel, PANEL, attention->head_dim, columns->vectors * LANES);
    for (int32_t column = 0; column < columns->count; column++) {
        float *row = rows + column * work->scratch.key_stride;
        for (int32_t dim = 0; dim < attention->head_dim; dim++)
            row[dim] *= attention->softmax_scale;
        row_store(load_address(&work->tile->gradients->dq, attention->dtype, &work->tile->sequence, columns, column),
                  row, attention->dtype, attention->head_dim);
    }
}

/* Adds K^T dS to the panel's dQ, when it is this tile's turn if others add to it too. */
static void add_dq(const backward_work *work, int32_t panel, panel_left keys, int32_t count)
{
    const cpu_backward_tile *tile = work->tile;
    const panel_columns *columns = work->scratch.columns;
    const size_t dq_floats = cpu_dq_panel_floats(work->attention, PANEL);
    int32_t turn = tile->number - columns->begin / BACKWARD_KEYS;
    int32_t last_turn = (columns->end - 1) / BACKWARD_KEYS - columns->begin / BACKWARD_KEYS;
    bool shared = last_turn > 0;
    float *dq_panel = shared ? tile->dq_panels + (size_t)panel * dq_floats : work->scratch.dq_panel;
    float ones[PANEL] __attribute__((aligned(VECTOR_BYTES)));
    for (int32_t column = 0; column < PANEL; column++)
        ones[column] = 1.0f;

    if (shared)
        turn_wait(&tile->dq_tiles[panel], turn);
    if (turn == 0)
        memset(dq_panel, 0, dq_floats * sizeof *dq_panel);
    panel_accumulate(dq_panel, ones, keys, work->attention->head_dim, work->scratch.dscores,
                     (count + work->together - 1) / work->together, columns->vectors, work->elements);
    if (turn == last_turn)
        store_dq(work, dq_panel, columns);
    if (shared)
        turn_pass(&tile->dq_tiles[panel], turn);
}

/* panel_contract adds rows rounded up to PANEL_ROW_STEP to keys that other panels see. */
static void clear_rounded_rows(float *rows, int32_t count)
{
    int32_t rounded = panel_round_up(count, PANEL_ROW_STEP);
    memset(rows + (int64_t)count * PANEL, 0, (size_t)(rounded - count) * PANEL * sizeof *rows);
}

/* Weights and gradients of the scores of keys begin .. end - 1, which start at `keys` and `values`. */
static void panel_gradients(const backward_work *work, panel_left keys, panel_left values, int32_t begin, int32_t end)
{
    const varlen_attention *attention = work->attention;
    const backward_scratch *scratch = &work->scratch;
    const panel_columns *columns = scratch->columns;
    float lse[PANEL] __attribute__((aligned(VECTOR_BYTES)));
    float delta[PANEL] __attribute__((aligned(VECTOR_BYTES)));
    float *slopes = work->score.softcap != 0.0f ? scratch->slopes : NULL;
    load_statistics(lse, delta, work, columns);

    panel_scores(scratch->weights, keys, end - begin, scratch->query_panel, attention->head_dim / work->together,
                 columns->vectors, work->elements);
    if (slopes)
        score_softcap_slopes(slopes, scratch->weights, &work->score, end - begin, columns->vectors);
    score_adjust(scratch->weights, columns, &work->score, begin, end);
    weights_from_lse(scratch->weights, lse, work->score.multiplier, end - begin, columns->vectors);
    panel_scores(scratch->dscores, values, end - begin, scratch->dout_panel, attention->value_dim / work->together,
                 columns->vectors, work->elements);
    /* dS needs P itself, dV the weights that were kept: the mask goes to dP first, and to P after dS. */
    if (work->dropout.threshold)
        dropout_apply(scratch->dscores, columns, &work->dropout, work->kept, begin, end);
    scores_gradient(scratch->dscores, scratch->weights, delta, slopes, end - begin, columns->vectors);
    if (work->dropout.threshold)
        dropout_apply(scratch->weights, columns, &work->dropout, work->kept, begin, end);
    clear_rounded_rows(scratch->weights, end - begin);
    clear_rounded_rows(scratch->dscores, end - begin);
}

/* dV += P dO, dK += dS Q and dQ += K^T dS, for keys of the tile from number `skipped` on. */
static void add_products(const backward_work *work, int32_t panel, int32_t skipped, int32_t count)
{
    const backward_scratch *scratch = &work->scratch;
    const panel_columns *columns = scratch->columns;
    panel_contract(scratch->dv + skipped * scratch->value_stride, scratch->value_stride,
                   (panel_left){scratch->weights, PANEL, 1}, count,
                   (panel_right){scratch->dout_rows, scratch->value_stride}, columns->count, work->attention->value_dim,
                   PANEL_FLOATS);
    panel_contract(scratch->dk + skipped * scratch->key_stride, scratch->key_stride,
                   (panel_left){scratch->dscores, PANEL, 1}, count,
                   (panel_right){scratch->query_rows, scratch->key_stride}, columns->count, work->attention->head_dim,
                   PANEL_FLOATS);
    add_dq(work, panel, load_transposed(scratch->keys, work->attention->head_dim, BACKWARD_KEYS, skipped, PANEL_FLOATS),
           count);
}

/* The same for PANEL_PAIRS. P is no longer needed once dV has it: its place takes dS paired along the queries. */
static void add_products_of_pairs(const backward_work *work, int32_t panel, int32_t skipped, int32_t count)
{
    const backward_scratch *scratch = &work->scratch;
    const int vectors = scratch->columns->vectors;
    const int32_t steps = load_width(scratch->columns) / 2;
    const int32_t rows = panel_round_up(count, PANEL_ROW_STEP);
    pairs_pack_columns(scratch->weights, scratch->weights, rows, vectors);
    panel_contract(scratch->dv + skipped * scratch->value_stride, scratch->value_stride,
                   (panel_left){scratch->weights, PANEL / 2, 1}, count,
                   (panel_right){scratch->dout_pairs, scratch->value_stride}, steps, work->attention->value_dim,
                   PANEL_PAIRS);
    pairs_pack_columns(scratch->weights, scratch->dscores, rows, vectors);
    panel_contract(
        scratch->dk + skipped * scratch->key_stride, scratch->key_stride, (panel_left){scratch->weights, PANEL / 2, 1},
        count, (panel_right){scratch->query_pairs, scratch->key_stride}, steps, work->attention->head_dim, PANEL_PAIRS);
    pairs_pack_rows(scratch->dscores, scratch->dscores, count, vectors);
    add_dq(work, panel,
           load_transposed(scratch->key_pairs, work->attention->head_dim, BACKWARD_KEYS, skipped, PANEL_PAIRS), count);
}

/* Rows of q and dout, in the orders that the products want. */
static void load_panel(const backward_work *work)
{
    const cpu_backward_tile *tile = work->tile;
    const varlen_attention *attention = work->attention;
    const backward_scratch *scratch = &work->scratch;
    const panel_columns *columns = scratch->columns;
    const varlen_tensor *q = &tile->inputs->q;
    const varlen_tensor *dout = &tile->gradients->dout;
    if (work->elements == PANEL_FLOATS) {
        load_queries(scratch->query_panel, scratch->query_rows, scratch->key_stride, q, attention, attention->head_dim,
                     &tile->sequence, columns);
        load_queries(scratch->dout_panel, scratch->dout_rows, scratch->value_stride, dout, attention,
                     attention->value_dim, &tile->sequence, columns);
        return;
    }
    int32_t rows = load_width(columns);
    load_query_pairs(scratch->query_panel, scratch->query_rows, scratch->key_stride, q, attention->head_dim,
                     &tile->sequence, columns);
    load_query_pairs(scratch->dout_panel, scratch->dout_rows, scratch->value_stride, dout, attention->value_dim,
                     &tile->sequence, columns);
    load_row_pairs(scratch->query_pairs, scratch->query_rows, scratch->key_stride, rows, attention->head_dim);
    load_row_pairs(scratch->dout_pairs, scratch->dout_rows, scratch->value_stride, rows, attention->value_dim);
}

static void backward_panel(const backward_work *work, int32_t panel, int64_t rows)
{
    const cpu_backward_tile *tile = work->tile;
    const backward_scratch *scratch = &work->scratch;
    panel_columns *columns = scratch->columns;
    int64_t first_row = (int64_t)panel * PANEL;
    columns_init(columns, tile->inputs, &tile->sequence, tile->kv_head, first_row,
                 (int32_t)cpu_min(PANEL, rows - first_row));
    int32_t begin = (int32_t)cpu_max(work->first_key, columns->begin);
    int32_t end = (int32_t)cpu_min(work->end_key, columns->end);
    if (begin >= end)
        return;
    begin -= (begin - work->first_key) % PANEL_ROW_STEP; /* so that rows, rounded up, end within the tile */

    load_panel(work);
    int32_t skipped = begin - work->first_key;
    const float *keys = scratch->keys + skipped * scratch->key_stride;
    const float *values = scratch->values + skipped * scratch->value_stride;
    panel_gradients(work, (panel_left){keys, scratch->key_stride, 1}, (panel_left){values, scratch->value_stride, 1},
                    begin, end);
    if (work->elements == PANEL_PAIRS)
        add_products_of_pairs(work, panel, skipped, end - begin);
    else
        add_products(work, panel, skipped, end - begin);
}

/* Whether it may see some key of the tile. */
static bool panel_sees(const backward_work *work, int64_t panel)
{
    const cpu_span *seen = work->tile->seen;
    return !seen || (seen[panel].begin < work->end_key && seen[panel].end > work->first_key);
}

static void load_tile(const backward_work *work)
{
    const cpu_inputs *inputs = work->tile->inputs;
    const varlen_attention *attention = work->attention;
    const backward_scratch *scratch = &work->scratch;
    const int32_t begin = work->first_key;
    const int32_t end = work->end_key;
    cpu_key_rows keys = cpu_key_rows_of(&inputs->keys, work->tile->kv_head, &work->tile->sequence);
    cpu_key_rows values = cpu_key_rows_of(&inputs->values, work->tile->kv_head, &work->tile->sequence);
    if (work->elements == PANEL_PAIRS) {
        load_key_pairs(scratch->keys, scratch->key_stride, &keys, attention->head_dim, begin, end);
        load_key_pairs(scratch->values, scratch->value_stride, &values, attention->value_dim, begin, end);
        load_transposed_pairs(scratch->key_pairs, scratch->query_rows, &keys, attention->head_dim, BACKWARD_KEYS, begin,
                              end);
    } else {
        load_keys(scratch->keys, scratch->key_stride, &keys, attention->dtype, attention->head_dim, begin, end);
        load_keys(scratch->values, scratch->value_stride, &values, attention->dtype, attention->value_dim, begin, end);
    }
    memset(scratch->dk, 0, BACKWARD_KEYS * (size_t)scratch->key_stride * sizeof *scratch->dk);
    memset(scratch->dv, 0, BACKWARD_KEYS * (size_t)scratch->value_stride * sizeof *scratch->dv);
}

/* Rows of dk or dv from the tile's sums. */
static void store_keys(const backward_work *work, const varlen_tensor *tensor, float *sums, int64_t stride, int32_t dim,
                       float factor)
{
    varlen_dtype dtype = work->attention->dtype;
    for (int32_t key = work->first_key; key < work->end_key; key++) {
        float *row = sums + (key - work->first_key) * stride;
        for (int32_t i = 0; i < dim; i++)
            row[i] *= factor;
        row_store(cpu_row(tensor, dtype, work->tile->sequence.first_key + key, work->tile->kv_head), row, dtype, dim);
    }
}

void CPU_SYMBOL(backward_tile)(const cpu_backward_tile *tile, void *memory)
{
    const cpu_inputs *inputs = tile->inputs;
    const varlen_attention *attention = inputs->attention;
    scratch_cursor cursor = {.base = memory};
    backward_work work = {
        .tile = tile,
        .attention = attention,
        .scratch = take_scratch(&cursor, attention),
        .score = inputs->score,
        .dropout = dropout_rule_of(inputs, &tile->sequence),
        .kept = 1.0f / (1.0f - attention->dropout_p),
        .elements = panel_elements_of(attention),
        .together = panel_together(panel_elements_of(attention)),
        .first_key = tile->number * BACKWARD_KEYS,
    };
    work.end_key = (int32_t)cpu_min((int64_t)work.first_key + BACKWARD_KEYS, tile->sequence.keys);
    const backward_scratch *scratch = &work.scratch;

    load_tile(&work);

    cpu_span queries = cpu_queries_that_see(attention, &tile->sequence, work.first_key, work.end_key);
    int64_t rows = (int64_t)tile->sequence.queries * cpu_group(attention);
    int64_t begin = queries.begin * cpu_group(attention) / PANEL;
    int64_t end = queries.end * cpu_group(attention);
    panel_begin_products();
    for (int64_t panel = begin; panel * PANEL < end; panel++)
        if (panel_sees(&work, panel))
            backward_panel(&work, (int32_t)panel, rows);
    panel_end_products();
    store_keys(&work, &tile->gradients->dk, scratch->dk, scratch->key_stride, attention->head_dim,
               attention->softmax_scale);
    store_keys(&work, &tile->gradients->dv, scratch->dv, scratch->value_stride, attention->value_dim, 1.0f);
}
