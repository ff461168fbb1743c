/* Forward attention of a few query rows against many keys, where reading the keys is what takes the time. Compiled once
 * per instruction set.
 *
 * Vectors run along head_dim and value_dim, so that keys and values are used as they lie in memory:
 *
 *     for each block of keys:
 *         S[row][key] = sum over lanes of Q[row] * K[key]
 *         P = exp2(transform, mask(S) - maximum)
 *         O[row] = O[row] * rescale + sum over keys of P[row][key] * V[key] */
#include "kernels.h"
#include "kernels/columns.h"
#include "kernels/elements.h"
#include "kernels/load.h"
#include "kernels/pairs.h"
#include "kernels/row_softmax.h"
#include "kernels/tiles.h"
#include "results.h"
#include "scratch.h"

_Static_assert(CPU_KEY_BLOCK % LANES == 0, "scores are handled in whole vectors");
_Static_assert((int)DECODE_ROWS <= (int)PANEL, "rows are described by panel_columns");

/* The scratch of one thread. */
typedef struct decode_scratch {
    panel_columns *columns; /* the rows */
    float *queries;         /* [DECODE_ROWS][key_stride] */
    float *outputs;         /* [DECODE_ROWS][value_stride] */
    float *scores;          /* [DECODE_ROWS][CPU_KEY_BLOCK] */
    float *keys;            /* [CPU_KEY_BLOCK][key_stride]: copies of rows, see decode_work */
    float *values;          /* [CPU_KEY_BLOCK][value_stride] likewise; of pairs that are not copied, a row of zeros */
    float *key_scales;      /* [CPU_KEY_BLOCK] */
    float *value_scales;    /* likewise */
    int64_t key_stride;
    int64_t value_stride;
} decode_scratch;

static decode_scratch take_scratch(scratch_cursor *cursor, const varlen_attention *attention)
{
    size_t key_row = (size_t)load_stride(attention->head_dim) * sizeof(float);
    size_t value_row = (size_t)load_stride(attention->value_dim) * sizeof(float);
    return (decode_scratch){
        .columns = scratch_take(cursor, sizeof(panel_columns)),
        .queries = scratch_take(cursor, DECODE_ROWS * key_row),
        .outputs = scratch_take(cursor, DECODE_ROWS * value_row),
        .scores = scratch_take(cursor, DECODE_ROWS * CPU_KEY_BLOCK * sizeof(float)),
        .keys = scratch_take(cursor, CPU_KEY_BLOCK * key_row),
        .values = scratch_take(cursor, CPU_KEY_BLOCK * value_row),
        .key_scales = scratch_take(cursor, CPU_KEY_BLOCK * sizeof(float)),
        .value_scales = scratch_take(cursor, CPU_KEY_BLOCK * sizeof(float)),
        .key_stride = load_stride(attention->head_dim),
        .value_stride = load_stride(attention->value_dim),
    };
}

size_t CPU_SYMBOL(decode_scratch_bytes)(const varlen_attention *attention)
{
    scratch_cursor cursor = {0};
    take_scratch(&cursor, attention);
    return cursor.used;
}

/* A block of rows of keys or values, ready for whole vectors. */
typedef struct decode_rows {
    const void *row[CPU_KEY_BLOCK + 1]; /* the row after the last value of pairs is 0 */
    const char *next[CPU_KEY_BLOCK];    /* the caller's rows that the next block will read */
    int32_t row_bytes;                  /* in the caller's memory */
    int32_t vectors;                    /* per row */
    int32_t count;
} decode_rows;

/* Keys or values of the tile, and of the one that comes next. */
typedef struct decode_source {
    cpu_key_rows own;
    cpu_key_rows next;
} decode_source;

/* What stays the same over the blocks of a tile. */
typedef struct decode_work {
    const cpu_forward_tile *tile;
    decode_scratch scratch;
    decode_source keys;
    decode_source values;
    row_softmax_rules rules;
    cpu_span span;      /* keys that some row sees */
    cpu_span next_span; /* of the tile that comes next; empty if there is none */
    panel_elements elements;
    int copy; /* whether rows are copied first: as floats, since some end inside a vector, or since they are quantised
               */
} decode_work;

/* The row that is read CPU_KEY_BLOCK rows after row `key`. */
static const char *row_after(const decode_work *work, const decode_source *source, int64_t key)
{
    int64_t after = key + CPU_KEY_BLOCK;
    if (after < work->span.end)
        return cpu_key_row(&source->own, after);
    int64_t next = work->next_span.begin + key % CPU_KEY_BLOCK;
    return next < work->next_span.end ? cpu_key_row(&source->next, next) : cpu_key_row(&source->own, key);
}

/* What is paired with the last of an odd number of values: the copies of rows have room for one more. */
static const void *row_of_zeros(const decode_work *work, float *copies, int64_t stride, int32_t dim, int32_t count)
{
    float *zeros = work->copy ? copies + count * stride : copies;
    if (work->copy && work->elements == PANEL_PAIRS && count % 2 != 0)
        memset(zeros, 0, (size_t)dim * sizeof(uint16_t));
    return zeros;
}

/* Points at the caller's rows, or at their copies. */
static void find_rows(decode_rows *rows, const decode_work *work, const decode_source *source, int32_t dim,
                      float *copies, int64_t stride, int32_t begin, int32_t end)
{
    varlen_dtype dtype = source->own.dtype;
    rows->vectors = (dim + LANES - 1) / LANES;
    rows->row_bytes = (int32_t)(dim * cpu_element_size(dtype));
    rows->count = end - begin;
    rows->row[rows->count] = row_of_zeros(work, copies, stride, dim, rows->count);
    for (int32_t i = 0; i < rows->count; i++) {
        rows->row[i] = cpu_key_row(&source->own, begin + i);
        rows->next[i] = row_after(work, source, begin + i);
        if (!work->copy)
            continue;
        float *copy = copies + i * stride;
        if (work->elements == PANEL_PAIRS)
            quantized_to_pairs(copy, rows->row[i], dtype, dim);
        else
            load_row_of_floats(copy, rows->row[i], dtype, dim);
        if (work->elements == PANEL_FLOATS)
            memset(copy + dim, 0, (size_t)(rows->vectors * LANES - dim) * sizeof *copy);
        rows->row[i] = copy;
    }
}

/* Values that are the first columns of keys: they are there, and so is what comes next. */
static decode_rows values_of(const decode_rows *keys, const decode_scratch *scratch, int32_t dim)
{
    decode_rows values = *keys;
    values.vectors = (dim + LANES - 1) / LANES;
    values.row_bytes = 0;
    values.row[values.count] = scratch->values;
    return values;
}

/* Scores or weights of a row, times the scales of the block's keys, where there are any. */
static void scale_row(float *row, const float *scales, int32_t keys)
{
    for (int32_t key = 0; scales && key < keys; key += LANES)
        vector_store(row + key, vector_load(row + key) * vector_load(scales + key));
}

/* Rows of one head lie far apart, where the processor does not look ahead by itself. One cache line goes with each
 * vector of the row that is computed on: of many at once, the processor would wait for the first. */
PANEL_INLINE void prefetch_next(const decode_rows *rows, const int32_t *keys, const int count, int32_t vector)
{
    const int32_t cache_line = 64;
    if (vector * cache_line < rows->row_bytes)
        for (int n = 0; n < count; n++)
            __builtin_prefetch(rows->next[keys[n]] + vector * cache_line, 0, 2);
}

/* scores[row][first ..] for LANES keys; keys past the last repeat it. */
PANEL_INLINE void decode_scores(const decode_scratch *scratch, const decode_rows *keys, int32_t first, const int rows,
                                const varlen_dtype dtype, const panel_elements elements)
{
    enum { MOST_TOGETHER = 4 };
    const int together = rows > 4 ? 2 : MOST_TOGETHER; /* keys: their sums with all rows stay in registers */
    const int32_t vectors = elements == PANEL_PAIRS ? keys->vectors / 2 : keys->vectors;
    vfloat products[DECODE_ROWS][LANES];
    for (int32_t lane = 0; lane < LANES; lane += together) {
        const void *key[MOST_TOGETHER];
        int32_t index[MOST_TOGETHER];
        vfloat sums[DECODE_ROWS][MOST_TOGETHER];
        for (int t = 0; t < together; t++) {
            index[t] = (int32_t)cpu_min(first + lane + t, keys->count - 1);
            key[t] = keys->row[index[t]];
        }
        for (int row = 0; row < rows; row++)
            for (int t = 0; t < together; t++)
                sums[row][t] = vector_splat(0.0f);
        for (int32_t v = 0; v < vectors; v++) {
            vfloat part[MOST_TOGETHER];
            prefetch_next(keys, index, together, v);
            for (int t = 0; t < together; t++)
                part[t] = elements_load(key[t], v * LANES, elements == PANEL_PAIRS ? VARLEN_FLOAT32 : dtype);
            for (int row = 0; row < rows; row++) {
                vfloat query = vector_load(scratch->queries + row * scratch->key_stride + v * LANES);
                for (int t = 0; t < together; t++)
                    sums[row][t] = panel_multiply_add(sums[row][t], query, part[t], elements);
            }
        }
        for (int row = 0; row < rows; row++)
            for (int t = 0; t < together; t++)
                products[row][lane + t] = sums[row][t];
    }
    for (int row = 0; row < rows; row++)
        vector_store(scratch->scores + row * CPU_KEY_BLOCK + first, elements_sum_lanes(products[row]));
}

enum { DECODE_WIDTH = 8 }; /* the most vectors of values at a time */

/* Vectors first .. first + width - 1 of value `key`, or of a pair of values. */
PANEL_INLINE void load_values(vfloat *part, const decode_rows *values, int32_t key, int32_t first, const int width,
                              const varlen_dtype dtype, const panel_elements elements)
{
    if (elements == PANEL_PAIRS)
        for (int v = 0; v < width; v += 2)
            pairs_interleave_vectors(part + v, elements_load(values->row[key], (first + v) / 2 * LANES, VARLEN_FLOAT32),
                                     elements_load(values->row[key + 1], (first + v) / 2 * LANES, VARLEN_FLOAT32));
    else
        for (int v = 0; v < width; v++)
            part[v] = elements_load(values->row[key], (first + v) * LANES, dtype);
}

/* outputs[row] = outputs[row] * rescale[row] + sum over keys of weight * value, over `width` vectors from `first` on.
 */
PANEL_INLINE void decode_accumulate(const decode_scratch *scratch, const decode_rows *values, int32_t first,
                                    const int rows, const int width, const varlen_dtype dtype,
                                    const panel_elements elements)
{
    const int together = elements == PANEL_PAIRS ? 2 : 1;
    vfloat sums[DECODE_ROWS][DECODE_WIDTH];
    for (int row = 0; row < rows; row++)
        for (int v = 0; v < width; v++)
            sums[row][v] = vector_load(scratch->outputs + row * scratch->value_stride + (first + v) * LANES) *
                           scratch->columns->rescale[row];
    for (int32_t key = 0; key < values->count; key += together) {
        vfloat part[DECODE_WIDTH];
        const int32_t index[2] = {key, (int32_t)cpu_min(key + 1, values->count - 1)};
        for (int v = 0; v < width; v++)
            prefetch_next(values, index, together, first + v);
        load_values(part, values, key, first, width, dtype, elements);
        for (int row = 0; row < rows; row++) {
            vfloat weight = vector_splat(scratch->scores[row * CPU_KEY_BLOCK + key / together]);
            for (int v = 0; v < width; v++)
                sums[row][v] = panel_multiply_add(sums[row][v], weight, part[v], elements);
        }
    }
    for (int row = 0; row < rows; row++)
        for (int v = 0; v < width; v++)
            vector_store(scratch->outputs + row * scratch->value_stride + (first + v) * LANES, sums[row][v]);
}

/* One block of keys. */
PANEL_INLINE void decode_block(const decode_work *work, int32_t begin, int32_t end, const int rows,
                               const varlen_dtype dtype, const panel_elements elements)
{
    /* rows * width sums stay in registers; vectors that are left over go as few at a time as there may be. */
    const int width = rows == 1 ? DECODE_WIDTH : PANEL_ROWS * 2 / rows;
    const int least = elements == PANEL_PAIRS ? 2 : 1;
    const varlen_attention *attention = work->tile->inputs->attention;
    const decode_scratch *scratch = &work->scratch;
    const cpu_inputs *inputs = work->tile->inputs;
    const cpu_sequence *sequence = &work->tile->sequence;
    const float *key_scales =
        load_scales(scratch->key_scales, &inputs->key_scales, work->tile->kv_head, sequence, begin, end);
    const float *value_scales =
        load_scales(scratch->value_scales, &inputs->value_scales, work->tile->kv_head, sequence, begin, end);
    decode_rows keys;
    decode_rows values;
    find_rows(&keys, work, &work->keys, attention->head_dim, scratch->keys, scratch->key_stride, begin, end);
    if (!work->tile->inputs->values_in_keys)
        find_rows(&values, work, &work->values, attention->value_dim, scratch->values, scratch->value_stride, begin,
                  end);
    for (int32_t first = 0; first < keys.count; first += LANES)
        decode_scores(scratch, &keys, first, rows, dtype, elements);
    for (int row = 0; row < rows; row++) {
        float *scores = scratch->scores + row * CPU_KEY_BLOCK;
        scale_row(scores, key_scales, keys.count);
        row_softmax_step(scores, scratch->columns, row, &work->rules, begin, end);
        scale_row(scores, value_scales, keys.count);
        if (elements == PANEL_PAIRS)
            pairs_pack_columns(scores, scores, 1, CPU_KEY_BLOCK / LANES);
    }
    if (work->tile->inputs->values_in_keys)
        values = values_of(&keys, scratch, attention->value_dim);
    int32_t v = 0;
    for (; v + width <= values.vectors; v += width)
        decode_accumulate(scratch, &values, v, rows, width, dtype, elements);
    for (; v < values.vectors; v += least)
        decode_accumulate(scratch, &values, v, rows, least, dtype, elements);
}

/* All blocks of a tile. `rows` is the tile's number of rows, rounded up to one that code was made for. */
PANEL_INLINE void decode_blocks(const decode_work *work, const int rows, const varlen_dtype dtype,
                                const panel_elements elements)
{
    for (int64_t block = work->span.begin / CPU_KEY_BLOCK * CPU_KEY_BLOCK; block < work->span.end;
         block += CPU_KEY_BLOCK)
        decode_block(work, (int32_t)cpu_max(block, work->span.begin),
                     (int32_t)cpu_min(block + CPU_KEY_BLOCK, work->span.end), rows, dtype, elements);
}

PANEL_INLINE void decode_blocks_of_type(const decode_work *work, const varlen_dtype dtype,
                                        const panel_elements elements)
{
    int32_t rows = work->tile->rows;
    if (rows == 1)
        decode_blocks(work, 1, dtype, elements);
    else if (rows == 2)
        decode_blocks(work, 2, dtype, elements);
    else if (rows <= 4)
        decode_blocks(work, 4, dtype, elements);
    else
        decode_blocks(work, DECODE_ROWS, dtype, elements);
}

static void decode_blocks_float32(const decode_work *work)
{
    decode_blocks_of_type(work, VARLEN_FLOAT32, PANEL_FLOATS);
}

static void decode_blocks_float16(const decode_work *work)
{
    decode_blocks_of_type(work, VARLEN_FLOAT16, PANEL_FLOATS);
}

static void decode_blocks_bfloat16(const decode_work *work)
{
    decode_blocks_of_type(work, VARLEN_BFLOAT16, PANEL_FLOATS);
}

static void decode_blocks_pairs(const decode_work *work)
{
    decode_blocks_of_type(work, VARLEN_BFLOAT16, PANEL_PAIRS);
}

/* Rows of q as floats or pairs, 0 past the last row and up to the end of the last vector; outputs = 0. */
static void load_rows(const decode_work *work)
{
    const cpu_forward_tile *tile = work->tile;
    const varlen_attention *attention = tile->inputs->attention;
    const decode_scratch *scratch = &work->scratch;
    columns_init(scratch->columns, tile->inputs, &tile->sequence, tile->kv_head, tile->first_row, tile->rows);
    memset(scratch->queries, 0, DECODE_ROWS * (size_t)scratch->key_stride * sizeof *scratch->queries);
    memset(scratch->outputs, 0, DECODE_ROWS * (size_t)scratch->value_stride * sizeof *scratch->outputs);
    if (work->elements == PANEL_PAIRS)
        memset(scratch->values, 0, (size_t)attention->value_dim * sizeof(uint16_t));
    for (int32_t row = 0; row < tile->rows; row++) {
        float *query = scratch->queries + row * scratch->key_stride;
        const char *source = load_address(&tile->inputs->q, attention->dtype, &tile->sequence, scratch->columns, row);
        if (work->elements == PANEL_PAIRS)
            row_copy(query, source, attention->head_dim * (int64_t)sizeof(uint16_t));
        else
            row_load(query, source, attention->dtype, attention->head_dim);
    }
}

static void store_row(const decode_work *work, int32_t row)
{
    const decode_scratch *scratch = &work->scratch;
    float *ordered = scratch->values;
    float *outputs = scratch->outputs + row * scratch->value_stride;
    if (work->elements == PANEL_PAIRS) {
        pairs_restore_order(ordered, outputs, work->tile->inputs->attention->value_dim);
        outputs = ordered;
    }
    cpu_store_row(work->tile, row, outputs, scratch->columns->maximum[row], scratch->columns->sum[row]);
}

static decode_source source_of(const cpu_cache *cache, const cpu_forward_tile *tile)
{
    const cpu_forward_tile *next = tile->next ? tile->next : tile;
    return (decode_source){.own = cpu_key_rows_of(cache, tile->kv_head, &tile->sequence),
                           .next = cpu_key_rows_of(cache, next->kv_head, &next->sequence)};
}

void CPU_SYMBOL(decode_tile)(const cpu_forward_tile *tile, void *memory)
{
    const cpu_inputs *inputs = tile->inputs;
    const varlen_attention *attention = inputs->attention;
    const int32_t past_vectors = (attention->head_dim | attention->value_dim) % (2 * LANES);
    scratch_cursor cursor = {.base = memory};
    decode_work work = {
        .tile = tile,
        .scratch = take_scratch(&cursor, attention),
        .keys = source_of(&inputs->keys, tile),
        .values = source_of(&inputs->values, tile),
        .rules = {inputs->score, dropout_rule_of(inputs, &tile->sequence)},
        .elements = past_vectors == 0 ? panel_elements_of(attention) : PANEL_FLOATS,
        .copy = past_vectors % LANES != 0 || cpu_is_quantized(inputs->keys.dtype),
    };
    if (tile->next)
        work.next_span = tile->next->keys;
    load_rows(&work);
    work.span.begin = cpu_max(tile->keys.begin, work.scratch.columns->begin);
    work.span.end = cpu_min(tile->keys.end, work.scratch.columns->end);

    if (work.elements == PANEL_PAIRS)
        decode_blocks_pairs(&work);
    else if (work.copy || attention->dtype == VARLEN_FLOAT32)
        decode_blocks_float32(&work);
    else if (attention->dtype == VARLEN_FLOAT16)
        decode_blocks_float16(&work);
    else
        decode_blocks_bfloat16(&work);
    for (int32_t row = 0; row < tile->rows; row++)
        store_row(&work, row);
}
