/* varlen_kv_append: new keys and values, rotated and quantised, into a packed or paged cache. */
#include "around.h"
#include "inputs.h"
#include "quantize.h"
#include "rows.h"
#include "span.h"
#include "state.h"
#include "team.h"
#include "threads.h"

#include <stdbool.h>

/* One new token and where it goes. */
typedef struct new_token {
    int64_t row;      /* of q, k_new and v_new */
    int64_t position; /* row of the rotary tables */
    cpu_sequence slot;
    int64_t slot_row;
} new_token;

/* The sequence that owns a row: the last one that starts at or before it, as later ones of length 0 start behind. */
static int32_t owner_of(const int32_t *cu_seqlens, int32_t batch, int64_t row)
{
    int32_t low = 0;
    int32_t high = batch - 1;
    while (low < high) {
        int32_t middle = low + (high - low + 1) / 2;
        if (cu_seqlens[middle] <= row)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

static new_token token_at(const varlen_kv_append_args *args, int64_t row)
{
    int32_t b = owner_of(args->cu_seqlens_new, args->batch, row);
    new_token token = {.row = row, .slot_row = args->seqused_k[b] + row - args->cu_seqlens_new[b]};
    token.position = token.slot_row - (args->leftpad_k ? args->leftpad_k[b] : 0);
    if (args->page_size > 0)
        token.slot.pages = args->page_table + (int64_t)b * args->page_table_width;
    else
        token.slot.first_key = args->cu_seqlens_k[b];
    return token;
}

/* Any number of elements of a row: those past the last whole step take one of their own. */
static void load_elements(float *to, const char *from, varlen_dtype dtype, int32_t count)
{
    const int32_t rest = count % ROW_STEP;
    row_load(to, from, dtype, count - rest);
    if (rest == 0)
        return;
    char step[ROW_STEP * sizeof(float)] = {0};
    memcpy(step, from + (count - rest) * cpu_element_size(dtype), (size_t)(rest * cpu_element_size(dtype)));
    row_load(to + count - rest, step, dtype, ROW_STEP);
}

static void store_elements(char *to, const float *from, varlen_dtype dtype, int32_t count)
{
    const int32_t rest = count % ROW_STEP;
    row_store(to, from, dtype, count - rest);
    if (rest == 0)
        return;
    char step[ROW_STEP * sizeof(float)];
    row_store(step, from + count - rest, dtype, ROW_STEP);
    memcpy(to + (count - rest) * cpu_element_size(dtype), step, (size_t)(rest * cpu_element_size(dtype)));
}

static inline void rotate(float *x, float *y, int32_t step, const float *cosines, const float *sines, int32_t pairs)
{
    for (int32_t i = 0; i < pairs * step; i += step) {
        float own = x[i];
        float other = y[i];
        x[i] = own * cosines[i / step] - other * sines[i / step];
        y[i] = own * sines[i / step] + other * cosines[i / step];
    }
}

enum { PIECE_PAIRS = CPU_ROW_PIECE / 2 };

/* Pairs first .. first + pairs - 1 of a row, whose addresses are those of its first rotated element. */
static void move_pairs(char *to, const char *from, const varlen_kv_append_args *args, int64_t position, int32_t first,
                       int32_t pairs)
{
    float row[2 * PIECE_PAIRS];
    const int32_t half = args->rotary_dim / 2;
    const float *cosines = args->rotary_cos + position * half + first;
    const float *sines = args->rotary_sin + position * half + first;
    const int64_t element = cpu_element_size(args->dtype);
    if (args->rotary_interleaved) {
        load_elements(row, from + 2 * first * element, args->dtype, 2 * pairs);
        rotate(row, row + 1, 2, cosines, sines, pairs);
        store_elements(to + 2 * first * element, row, args->dtype, 2 * pairs);
        return;
    }
    load_elements(row, from + first * element, args->dtype, pairs);
    load_elements(row + PIECE_PAIRS, from + (half + first) * element, args->dtype, pairs);
    rotate(row, row + PIECE_PAIRS, 1, cosines, sines, pairs);
    store_elements(to + first * element, row, args->dtype, pairs);
    store_elements(to + (half + first) * element, row + PIECE_PAIRS, args->dtype, pairs);
}

/* Beside the rotated elements, a row stays as it is; it may be moved to where it lies. */
static void move_rotated(char *to, const char *from, const varlen_kv_append_args *args, int64_t position)
{
    const int32_t half = args->rotary_dim / 2;
    const int64_t element = cpu_element_size(args->dtype);
    const int64_t begin = args->rotary_begin * element;
    const int64_t end = begin + args->rotary_dim * element;
    for (int32_t first = 0; first < half; first += PIECE_PAIRS)
        move_pairs(to + begin, from + begin, args, position, first, (int32_t)cpu_min(PIECE_PAIRS, half - first));
    if (to == from)
        return;
    memcpy(to, from, (size_t)begin);
    memcpy(to + end, from + end, (size_t)(args->head_dim * element - end));
}

/* Keys or values: new rows, and the cache that they go to. */
typedef struct append_side {
    varlen_tensor new_rows;
    cpu_cache cache;  /* no data: nothing is appended */
    cpu_cache scales; /* no data: 1 */
    int32_t dim;
    bool rotated;
} append_side;

static append_side keys_of(const varlen_kv_append_args *args)
{
    const varlen_tensor scales = {args->k_scale, args->k_scale_token_stride, args->k_scale_head_stride};
    const varlen_dtype dtype = args->cache_dtype ? args->cache_dtype : args->dtype;
    return (append_side){.new_rows = args->k_new,
                         .cache = {args->k_cache, args->k_page_stride, args->page_size, dtype},
                         .scales = {scales, args->k_scale_page_stride, args->page_size, VARLEN_FLOAT32},
                         .dim = args->head_dim,
                         .rotated = args->rotary_dim > 0};
}

static append_side values_of(const varlen_kv_append_args *args)
{
    const varlen_tensor scales = {args->v_scale, args->v_scale_token_stride, args->v_scale_head_stride};
    const varlen_dtype dtype = args->cache_dtype ? args->cache_dtype : args->dtype;
    return (append_side){.new_rows = args->v_new,
                         .cache = {args->v_cache, args->v_page_stride, args->page_size, dtype},
                         .scales = {scales, args->v_scale_page_stride, args->page_size, VARLEN_FLOAT32},
                         .dim = args->value_dim};
}

/* Elements first .. first + count - 1 of those that are rotated; `from` has the others. Here with the half that they
 * are not in. */
static void rotate_halves(float *row, const char *from, const varlen_kv_append_args *args, int64_t position,
                          int32_t first, int32_t count)
{
    float other[CPU_ROW_PIECE];
    const int32_t half = args->rotary_dim / 2;
    const int64_t element = cpu_element_size(args->dtype);
    const float *cosines = args->rotary_cos + position * half;
    const float *sines = args->rotary_sin + position * half;
    const int32_t lower = (int32_t)cpu_min(count, half - first);
    if (lower > 0) {
        load_elements(other, from + (half + first) * element, args->dtype, lower);
        rotate(row, other, 1, cosines + first, sines + first, lower);
    }
    const int32_t begin = (int32_t)cpu_max(first, half);
    const int32_t upper = (int32_t)cpu_min(first + count, args->rotary_dim) - begin;
    if (upper > 0) {
        load_elements(other, from + (begin - half) * element, args->dtype, upper);
        rotate(other, row + begin - first, 1, cosines + begin - half, sines + begin - half, upper);
    }
}

/* Likewise with neighbours, of which a piece may have one at either end without the other. */
static void rotate_neighbours(float *row, const char *from, const varlen_kv_append_args *args, int64_t position,
                              int32_t first, int32_t count)
{
    float other[ROW_STEP];
    const int64_t element = cpu_element_size(args->dtype);
    const float *cosines = args->rotary_cos + position * (args->rotary_dim / 2);
    const float *sines = args->rotary_sin + position * (args->rotary_dim / 2);
    const int32_t end = first + count;
    const int32_t pair = (first + 1) / 2; /* the first whole one */
    if (first % 2) {
        load_elements(other, from + (first - 1) * element, args->dtype, 1);
        rotate(other, row, 1, cosines + pair - 1, sines + pair - 1, 1);
    }
    rotate(row + 2 * pair - first, row + 2 * pair - first + 1, 2, cosines + pair, sines + pair, end / 2 - pair);
    if (end % 2) {
        load_elements(other, from + end * element, args->dtype, 1);
        rotate(row + count - 1, other, 1, cosines + end / 2, sines + end / 2, 1);
    }
}

/* A piece of a new row as floats, rotated if the row is. */
static void load_piece(float *row, const char *from, const varlen_kv_append_args *args, const append_side *side,
                       int64_t position, int32_t first)
{
    const int64_t element = cpu_element_size(args->dtype);
    const int32_t count = (int32_t)cpu_min(CPU_ROW_PIECE, side->dim - first);
    const int32_t origin = args->rotary_begin;
    const int32_t begin = (int32_t)cpu_max(first, origin);
    const int32_t turning = (int32_t)cpu_min(first + count, origin + args->rotary_dim) - begin;
    row_load(row, from + first * element, args->dtype, count);
    if (!side->rotated || turning <= 0)
        return;
    if (args->rotary_interleaved)
        rotate_neighbours(row + begin - first, from + origin * element, args, position, begin - origin, turning);
    else
        rotate_halves(row + begin - first, from + origin * element, args, position, begin - origin, turning);
}

/* The scale that a row is given, or gets. */
static float scale_for(const varlen_kv_append_args *args, const append_side *side, const new_token *token, int32_t head,
                       const char *source)
{
    if (!side->scales.tensor.data)
        return 1.0f;
    const cpu_key_rows scales = cpu_key_rows_of(&side->scales, head, &token->slot);
    float *scale = cpu_key_row(&scales, token->slot_row);
    if (args->scales_given)
        return *scale;
    float magnitude = 0.0f;
    for (int32_t first = 0; first < side->dim; first += CPU_ROW_PIECE) {
        float row[CPU_ROW_PIECE];
        load_piece(row, source, args, side, token->position, first);
        magnitude = quantize_magnitude(magnitude, row, cpu_min(CPU_ROW_PIECE, side->dim - first));
    }
    *scale = quantize_scale(magnitude, args->cache_dtype);
    return *scale;
}

static void append_quantized(char *destination, const char *source, const varlen_kv_append_args *args,
                             const append_side *side, const new_token *token, float scale)
{
    for (int32_t first = 0; first < side->dim; first += CPU_ROW_PIECE) {
        float row[CPU_ROW_PIECE];
        load_piece(row, source, args, side, token->position, first);
        quantize_row(destination + first, row, scale, args->cache_dtype, cpu_min(CPU_ROW_PIECE, side->dim - first));
    }
}

static void append_head(const varlen_kv_append_args *args, const append_side *side, const new_token *token,
                        int32_t head)
{
    const cpu_key_rows rows = cpu_key_rows_of(&side->cache, head, &token->slot);
    char *destination = cpu_key_row(&rows, token->slot_row);
    const char *source = cpu_row(&side->new_rows, args->dtype, token->row, head);
    if (args->cache_dtype)
        append_quantized(destination, source, args, side, token, scale_for(args, side, token, head, source));
    else if (side->rotated)
        move_rotated(destination, source, args, token->position);
    else
        memcpy(destination, source, (size_t)(side->dim * cpu_element_size(args->dtype)));
}

static void append_token(const varlen_kv_append_args *args, const new_token *token)
{
    const append_side keys = keys_of(args);
    const append_side values = values_of(args);
    for (int32_t head = 0; head < args->kv_heads; head++) {
        append_head(args, &keys, token, head);
        if (values.cache.tensor.data)
            append_head(args, &values, token, head);
    }
    for (int32_t head = 0; head < args->q_heads; head++) {
        void *query = cpu_row(&args->q, args->dtype, token->row, head);
        move_rotated(query, query, args, token->position);
    }
}

static void append_row(const void *pointer, int32_t member, int64_t row)
{
    const varlen_kv_append_args *args = pointer;
    new_token token = token_at(args, row);
    (void)member;
    append_token(args, &token);
}

static cpu_team_size team_for(const cpu_state *cpu, const varlen_kv_append_args *args)
{
    int64_t tokens = args->cu_seqlens_new[args->batch];
    int64_t dims = (int64_t)args->head_dim + (args->v_cache.data ? args->value_dim : 0);
    return cpu_team_for(cpu, 1 + cpu_threads_for_rows(tokens * ((int64_t)args->kv_heads + args->q_heads),
                                                      2 * dims * cpu_element_size(args->dtype)));
}

varlen_status cpu_kv_append(void *state, varlen_stream stream, const varlen_kv_append_args *args)
{
    const cpu_state *cpu = state;
    (void)stream;
    const cpu_loop loop = {.body = append_row, .count = args->cu_seqlens_new[args->batch], .chunk = 16};
    cpu_team_run(team_for(cpu, args), args, &loop, 1);
    if (args->seqused_k_out)
        for (int32_t b = 0; b < args->batch; b++)
            args->seqused_k_out[b] = args->seqused_k[b] + args->cu_seqlens_new[b + 1] - args->cu_seqlens_new[b];
    return VARLEN_OK;
}
