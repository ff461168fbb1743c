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
#include "kernels/dropout.h"
#include "kernels/elements.h"
#include "kernels/load.h"
#include "kernels/softmax.h"
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
    float *keys;            /* [CPU_KEY_BLOCK][key_stride]: rows whose end is not the end of a vector */
    float *values;          /* [CPU_KEY_BLOCK][value_stride] likewise */
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
    const void *row[CPU_KEY_BLOCK];
    const char *next[CPU_KEY_BLOCK]; /* the caller's rows that the next block will read */
    int32_t row_bytes;               /* in the caller's memory */
    int32_t vectors;                 /* per row */
    int32_t count;
} decode_rows;

/* What stays the same over the blocks of a tile. */
typedef struct decode_work {
    const cpu_forward_tile *tile;
    decode_scratch scratch;
    cpu_key_rows keys;
    cpu_key_rows values;
    score_rule score;
    dropout_rule dropout;
    cpu_span span; /* keys that some row sees */
    int copy;      /* whether rows are copied as floats first, since some end inside a vector */
} decode_work;

/* Points at the caller's rows, or at their copies. */
static void find_rows(decode_rows *rows, const decode_work *work, const cpu_key_rows *source, int32_t dim,
                      float *copies, int64_t stride, int32_t begin, int32_t end)
{
    rows->vectors = (dim + LANES - 1) / LANES;
    rows->row_bytes = (int32_t)(dim * varlen_dtype_size(work->tile->inputs->attention->dtype));
    rows->count = end - begin;
    for (int32_t i = 0; i < rows->count; i++) {
        rows->row[i] = cpu_key_row(source, begin + i);
        rows->next[i] = cpu_key_row(source, cpu_min(begin + i + CPU_KEY_BLOCK, work->span.end - 1));
        if (!work->copy)
            continue;
        float *copy = copies + i * stride;
        row_load(copy, rows->row[i], work->tile->inputs->attention->dtype, dim);
        memset(copy + dim, 0, (size_t)(rows->vectors * LANES - dim) * sizeof *copy);
        rows->row[i] = copy;
    }
}

/* Rows of one head lie far apart, where the processor does not look ahead by itself. */
static inline void prefetch_next(const decode_rows *rows, int32_t key)
{
    const int32_t cache_line = 64;
    for (int32_t offset = 0; offset < rows->row_bytes; offset += cache_line)
        __builtin_prefetch(rows->next[key] + offset, 0, 2);
}

/* scores[row][first ..] for LANES keys; keys past the last repeat it. */
PANEL_INLINE void decode_scores(const decode_scratch *scratch, const decode_rows *keys, int32_t first, const int rows,
                                const varlen_dtype dtype)
{
    enum { TOGETHER = 4 };
    vfloat products[DECODE_ROWS][LANES];
    for (int32_t lane = 0; lane < LANES; lane += TOGETHER) {
        const void *key[TOGETHER];
        vfloat sums[DECODE_ROWS][TOGETHER];
        for (int t = 0; t < TOGETHER; t++) {
            int32_t index = (int32_t)cpu_min(first + lane + t, keys->count - 1);
            key[t] = keys->row[index];
            prefetch_next(keys, index);
        }
        for (int row = 0; row < rows; row++)
            for (int t = 0; t < TOGETHER; t++)
                sums[row][t] = vector_splat(0.0f);
        for (int32_t v = 0; v < keys->vectors; v++) {
            vfloat elements[TOGETHER];
            for (int t = 0; t < TOGETHER; t++)
                elements[t] = elements_load(key[t], v * LANES, dtype);
            for (int row = 0; row < rows; row++) {
                vfloat query = vector_load(scratch->queries + row * scratch->key_stride + v * LANES);
                for (int t = 0; t < TOGETHER; t++)
                    sums[row][t] += query * elements[t];
            }
        }
        for (int row = 0; row < rows; row++)
            for (int t = 0; t < TOGETHER; t++)
                products[row][lane + t] = sums[row][t];
    }
    for (int row = 0; row < rows; row++)
        vector_store(scratch->scores + row * CPU_KEY_BLOCK + first, elements_sum_lanes(products[row]));
}

/* outputs[row] = outputs[row] * rescale[row] + sum over keys of weight * value, over `width` vectors from `first` on.
 */
PANEL_INLINE void decode_accumulate(const decode_scratch *scratch, const decode_rows *values, int32_t first,
                                    const int rows, const int width, const varlen_dtype dtype)
{
    enum { MAX_WIDTH = 8 };
    vfloat sums[DECODE_ROWS][MAX_WIDTH];
    for (int row = 0; row < rows; row++)
        for (int v = 0; v < width; v++)
            sums[row][v] = vector_load(scratch->outputs + row * scratch->value_stride + (first + v) * LANES) *
                           scratch->columns->rescale[row];
    for (int32_t key = 0; key < values->count; key++) {
        vfloat elements[MAX_WIDTH];
        if (first == 0)
            prefetch_next(values, key);
        for (int v = 0; v < width; v++)
            elements[v] = elements_load(values->row[key], (first + v) * LANES, dtype);
        for (int row = 0; row < rows; row++) {
            vfloat weight = vector_splat(scratch->scores[row * CPU_KEY_BLOCK + key]);
            for (int v = 0; v < width; v++)
                sums[row][v] += weight * elements[v];
        }
    }
    for (int row = 0; row < rows; row++)
        for (int v = 0; v < width; v++)
            vector_store(scratch->outputs + row * scratch->value_stride + (first + v) * LANES, sums[row][v]);
}

static float largest_lane(vfloat x)
{
    float largest = x[0];
    for (int lane = 1; lane < LANES; lane++)
        largest = largest > x[lane] ? largest : x[lane];
    return largest;
}

static float sum_of_lanes(vfloat x)
{
    float sum = 0.0f;
    for (int lane = 0; lane < LANES; lane++)
        sum += x[lane];
    return sum;
}

/* Key numbers begin + first .. of LANES scores. */
static vint key_numbers(int32_t begin, int32_t first)
{
    vint numbers;
    for (int lane = 0; lane < LANES; lane++)
        numbers[lane] = begin + first + lane;
    return numbers;
}

/* Scores of LANES keys, transformed and masked as score_transform and score_mask do it for panels. */
static vfloat transform_and_mask(const decode_work *work, vfloat score, vint keys, int32_t row, int32_t end)
{
    const panel_columns *columns = work->scratch.columns;
    if (work->score.transform) {
        score *= work->score.transform_scale;
        if (work->score.softcap_log2 != 0.0f)
            score = vector_tanh(score) * work->score.softcap_log2;
        vfloat distance = vector_abs(__builtin_convertvector(columns->position[row] - keys, vfloat));
        score -= columns->slope[row] * distance;
    }
    int32_t last = columns->last_key[row] < end ? columns->last_key[row] : end - 1;
    return vector_select((columns->first_key[row] <= keys) & (keys <= last), score, vector_splat(-INFINITY));
}

static vfloat drop(const decode_work *work, vfloat weight, vint keys, int32_t row)
{
    const panel_columns *columns = work->scratch.columns;
    dropout_words words = {{(vuint)keys >> 2, vector_splat_uint((uint32_t)columns->query[row]),
                            vector_splat_uint((uint32_t)columns->head[row]),
                            vector_splat_uint(work->dropout.sequence)}};
    words = dropout_philox(words, work->dropout.key);
    for (int32_t w = 0; w < 4; w++) {
        vint dropped = ((keys & 3) == w) & (vint)(words.word[w] < work->dropout.threshold);
        weight = (vfloat)((vint)weight & ~dropped);
    }
    return weight;
}

/* As softmax_step, along one row. */
static void decode_softmax(const decode_work *work, int32_t row, int32_t begin, int32_t end)
{
    panel_columns *columns = work->scratch.columns;
    float *scores = work->scratch.scores + row * CPU_KEY_BLOCK;
    vfloat largest = vector_splat(-INFINITY);
    for (int32_t key = 0; key < end - begin; key += LANES) {
        vfloat score = transform_and_mask(work, vector_load(scores + key), key_numbers(begin, key), row, end);
        vector_store(scores + key, score);
        largest = vector_max(largest, score);
    }

    float before = columns->maximum[row];
    float maximum = fmaxf(before, largest_lane(largest) * work->score.multiplier);
    maximum = fminf(maximum, FLT_MAX);
    float reference = maximum == -INFINITY ? 0.0f : maximum;
    vfloat sum = vector_splat(0.0f);
    for (int32_t key = 0; key < end - begin; key += LANES) {
        vfloat weight = vector_exp2_nonpositive(vector_load(scores + key) * work->score.multiplier - reference);
        sum += weight;
        if (work->dropout.threshold)
            weight = drop(work, weight, key_numbers(begin, key), row);
        vector_store(scores + key, weight);
    }
    columns->maximum[row] = maximum;
    columns->rescale[row] = vector_exp2_nonpositive(vector_splat(before - reference))[0];
    columns->sum[row] = columns->sum[row] * columns->rescale[row] + sum_of_lanes(sum);
}

/* All blocks of a tile. `rows` is the tile's number of rows, rounded up to one that code was made for. */
PANEL_INLINE void decode_blocks(const decode_work *work, const int rows, const varlen_dtype dtype)
{
    /* rows * width sums stay in registers; vectors that are left over go one by one. */
    const int width = rows == 1 ? 8 : PANEL_ROWS * 2 / rows;
    const varlen_attention *attention = work->tile->inputs->attention;
    const decode_scratch *scratch = &work->scratch;
    decode_rows keys;
    decode_rows values;
    for (int64_t block = work->span.begin / CPU_KEY_BLOCK * CPU_KEY_BLOCK; block < work->span.end;
         block += CPU_KEY_BLOCK) {
        int32_t begin = (int32_t)cpu_max(block, work->span.begin);
        int32_t end = (int32_t)cpu_min(block + CPU_KEY_BLOCK, work->span.end);
        find_rows(&keys, work, &work->keys, attention->head_dim, scratch->keys, scratch->key_stride, begin, end);
        find_rows(&values, work, &work->values, attention->value_dim, scratch->values, scratch->value_stride, begin,
                  end);
        for (int32_t first = 0; first < keys.count; first += LANES)
            decode_scores(scratch, &keys, first, rows, dtype);
        for (int row = 0; row < rows; row++)
            decode_softmax(work, row, begin, end);
        int32_t v = 0;
        for (; v + width <= values.vectors; v += width)
            decode_accumulate(scratch, &values, v, rows, width, dtype);
        for (; v < values.vectors; v++)
            decode_accumulate(scratch, &values, v, rows, 1, dtype);
    }
}

PANEL_INLINE void decode_blocks_of_type(const decode_work *work, const varlen_dtype dtype)
{
    int32_t rows = work->tile->rows;
    if (rows == 1)
        decode_blocks(work, 1, dtype);
    else if (rows == 2)
        decode_blocks(work, 2, dtype);
    else if (rows <= 4)
        decode_blocks(work, 4, dtype);
    else
        decode_blocks(work, DECODE_ROWS, dtype);
}

static void decode_blocks_float32(const decode_work *work)
{
    decode_blocks_of_type(work, VARLEN_FLOAT32);
}

static void decode_blocks_float16(const decode_work *work)
{
    decode_blocks_of_type(work, VARLEN_FLOAT16);
}

static void decode_blocks_bfloat16(const decode_work *work)
{
    decode_blocks_of_type(work, VARLEN_BFLOAT16);
}

/* Rows of q as floats, 0 past the last row and up to the end of the last vector; outputs = 0. */
static void load_rows(const decode_work *work)
{
    const cpu_forward_tile *tile = work->tile;
    const varlen_attention *attention = tile->inputs->attention;
    const decode_scratch *scratch = &work->scratch;
    columns_init(scratch->columns, tile->inputs, &tile->sequence, tile->kv_head, tile->first_row, tile->rows);
    memset(scratch->queries, 0, DECODE_ROWS * (size_t)scratch->key_stride * sizeof *scratch->queries);
    memset(scratch->outputs, 0, DECODE_ROWS * (size_t)scratch->value_stride * sizeof *scratch->outputs);
    for (int32_t row = 0; row < tile->rows; row++)
        row_load(scratch->queries + row * scratch->key_stride,
                 load_address(&tile->inputs->q, attention->dtype, &tile->sequence, scratch->columns, row),
                 attention->dtype, attention->head_dim);
}

void CPU_SYMBOL(decode_tile)(const cpu_forward_tile *tile, void *memory)
{
    const cpu_inputs *inputs = tile->inputs;
    const varlen_attention *attention = inputs->attention;
    scratch_cursor cursor = {.base = memory};
    decode_work work = {
        .tile = tile,
        .scratch = take_scratch(&cursor, attention),
        .keys = cpu_key_rows_of(&inputs->keys, tile->kv_head, &tile->sequence),
        .values = cpu_key_rows_of(&inputs->values, tile->kv_head, &tile->sequence),
        .score = score_rule_of(inputs),
        .dropout = dropout_rule_of(inputs, &tile->sequence),
        .copy = attention->head_dim % LANES != 0 || attention->value_dim % LANES != 0,
    };
    load_rows(&work);
    work.span.begin = cpu_max(tile->keys.begin, work.scratch.columns->begin);
    work.span.end = cpu_min(tile->keys.end, work.scratch.columns->end);

    if (work.copy || attention->dtype == VARLEN_FLOAT32)
        decode_blocks_float32(&work);
    else if (attention->dtype == VARLEN_FLOAT16)
        decode_blocks_float16(&work);
    else
        decode_blocks_bfloat16(&work);
    for (int32_t row = 0; row < tile->rows; row++)
        cpu_store_row(tile, row, work.scratch.outputs + row * work.scratch.value_stride,
                      work.scratch.columns->maximum[row], work.scratch.columns->sum[row]);
}
