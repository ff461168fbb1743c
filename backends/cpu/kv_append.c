/* varlen_kv_append: new keys and values, rotated, into a packed or paged cache. */
#include "around.h"
#include "inputs.h"
#include "rows.h"
#include "span.h"
#include "state.h"
#include "team.h"
#include "threads.h"

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

/* Pairs first .. first + pairs - 1 of a row. */
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

/* Past the rotated elements, a row stays as it is; it may be moved to where it lies. */
static void move_rotated(char *to, const char *from, const varlen_kv_append_args *args, int64_t position)
{
    const int32_t half = args->rotary_dim / 2;
    const int64_t rotated = args->rotary_dim * cpu_element_size(args->dtype);
    for (int32_t first = 0; first < half; first += PIECE_PAIRS)
        move_pairs(to, from, args, position, first, (int32_t)cpu_min(PIECE_PAIRS, half - first));
    if (to != from)
        memcpy(to + rotated, from + rotated, (size_t)(args->head_dim * cpu_element_size(args->dtype) - rotated));
}

static void append_token(const varlen_kv_append_args *args, const new_token *token)
{
    const cpu_cache k_cache = {args->k_cache, args->k_page_stride, args->page_size, args->dtype};
    const cpu_cache v_cache = {args->v_cache, args->v_page_stride, args->page_size, args->dtype};
    int64_t element = cpu_element_size(args->dtype);
    for (int32_t head = 0; head < args->kv_heads; head++) {
        cpu_key_rows keys = cpu_key_rows_of(&k_cache, head, &token->slot);
        cpu_key_rows values = cpu_key_rows_of(&v_cache, head, &token->slot);
        void *key = cpu_key_row(&keys, token->slot_row);
        void *value = cpu_key_row(&values, token->slot_row);
        const void *new_key = cpu_row(&args->k_new, args->dtype, token->row, head);
        if (args->rotary_dim)
            move_rotated(key, new_key, args, token->position);
        else
            memcpy(key, new_key, (size_t)(args->head_dim * element));
        memcpy(value, cpu_row(&args->v_new, args->dtype, token->row, head), (size_t)(args->value_dim * element));
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
