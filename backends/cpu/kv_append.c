/* varlen_kv_append: new keys and values, rotated and quantised, into a packed or paged cache. */
#include "around.h"
#include "inputs.h"
#include "quantize.h"
#include "rows.h"
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

static void rotate_half(float *row, const float *cosines, const float *sines, int32_t half)
{
    for (int32_t i = 0; i < half; i++) {
        float x = row[i];
        float y = row[i + half];
        row[i] = x * cosines[i] - y * sines[i];
        row[i + half] = x * sines[i] + y * cosines[i];
    }
}

static void rotate_interleaved(float *row, const float *cosines, const float *sines, int32_t half)
{
    for (int32_t i = 0; i < half; i++) {
        float x = row[2 * i];
        float y = row[2 * i + 1];
        row[2 * i] = x * cosines[i] - y * sines[i];
        row[2 * i + 1] = x * sines[i] + y * cosines[i];
    }
}

static void rotate(float *row, const varlen_kv_append_args *args, int64_t position)
{
    int32_t half = args->rotary_dim / 2;
    const float *cosines = args->rotary_cos + position * half;
    const float *sines = args->rotary_sin + position * half;
    if (args->rotary_interleaved)
        rotate_interleaved(row, cosines, sines, half);
    else
        rotate_half(row, cosines, sines, half);
}

static void rotate_in_place(void *query, const varlen_kv_append_args *args, int64_t position)
{
    float row[CPU_MAX_DIM];
    row_load(row, query, args->dtype, args->head_dim);
    rotate(row, args, position);
    row_store(query, row, args->dtype, args->head_dim);
}

/* Keys or values: new rows, and the cache that they go to. */
typedef struct append_side {
    varlen_tensor new_rows;
    cpu_cache cache;
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

/* The scale that a row is given, or gets. */
static float scale_for(const varlen_kv_append_args *args, const append_side *side, const new_token *token, int32_t head,
                       const float *row)
{
    if (!side->scales.tensor.data)
        return 1.0f;
    const cpu_key_rows scales = cpu_key_rows_of(&side->scales, head, &token->slot);
    float *scale = cpu_key_row(&scales, token->slot_row);
    if (!args->scales_given)
        *scale = quantize_scale(row, args->cache_dtype, side->dim);
    return *scale;
}

static void append_head(const varlen_kv_append_args *args, const append_side *side, const new_token *token,
                        int32_t head)
{
    const cpu_key_rows rows = cpu_key_rows_of(&side->cache, head, &token->slot);
    void *destination = cpu_key_row(&rows, token->slot_row);
    const void *source = cpu_row(&side->new_rows, args->dtype, token->row, head);
    if (!side->rotated && !args->cache_dtype) {
        memcpy(destination, source, (size_t)(side->dim * cpu_element_size(args->dtype)));
        return;
    }
    float row[CPU_MAX_DIM];
    row_load(row, source, args->dtype, side->dim);
    if (side->rotated)
        rotate(row, args, token->position);
    if (args->cache_dtype)
        quantize_row(destination, row, scale_for(args, side, token, head, row), args->cache_dtype, side->dim);
    else
        row_store(destination, row, args->dtype, side->dim);
}

static void append_token(const varlen_kv_append_args *args, const new_token *token)
{
    const append_side keys = keys_of(args);
    const append_side values = values_of(args);
    for (int32_t head = 0; head < args->kv_heads; head++) {
        append_head(args, &keys, token, head);
        append_head(args, &values, token, head);
    }
    for (int32_t head = 0; head < args->q_heads; head++) {
        void *query = cpu_row(&args->q, args->dtype, token->row, head);
        rotate_in_place(query, args, token->position);
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
    int64_t dims = (int64_t)args->head_dim + args->value_dim;
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
