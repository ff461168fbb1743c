/* The sequences of an attention call: what may be read of them, and their numbers; see attention_model.h. */
#include "attention_model.h"

#include "arena.h"
#include "attention_rows.h"
#include "attention_scales.h"

#include <math.h>

/* Entries of the page table past the used length, and in the padding, are never read. */
static void permit_pages(const attention_model *model, int32_t b)
{
    const varlen_attention *a = model->attention;
    const int64_t first = model->inputs->leftpad_k ? model->inputs->leftpad_k[b] : 0;
    for (int64_t row = first; row < first + model_keys(model, b); row++)
        arena_permit(&model->inputs->page_table[(int64_t)b * a->page_table_width + row / a->page_size],
                     sizeof(int32_t));
}

static void permit_sequence(const attention_model *model, int32_t b)
{
    for (int64_t i = 0; i < model_queries(model, b); i++) {
        view_permit(&model->q, 0, model_query_row(model, b, i));
        if (model->dout.shape.name) {
            view_permit(&model->dout, 0, model_query_row(model, b, i));
            view_permit(&model->out, 0, model_query_row(model, b, i));
        }
    }
    for (int64_t j = 0; j < model_keys(model, b); j++) {
        const key_row row = model_key_row(model, b, j);
        view_permit(&model->k, row.page, row.token);
        view_permit(&model->v, row.page, row.token);
        attention_scales_permit(model, row);
    }
    if (model->attention->page_size > 0)
        permit_pages(model, b);
    attention_rows_permit(model, b);
}

void attention_model_permit(const attention_model *model)
{
    const varlen_attention *a = model->attention;
    const varlen_inputs *inputs = model->inputs;
    permit_array(inputs->cu_seqlens_q, (int64_t)a->batch + 1, 4);
    permit_array(inputs->cu_seqlens_k, (int64_t)a->batch + 1, 4);
    permit_array(inputs->seqused_q, a->batch, 4);
    permit_array(inputs->seqused_k, a->batch, 4);
    permit_array(inputs->leftpad_q, a->batch, 4);
    permit_array(inputs->leftpad_k, a->batch, 4);
    permit_array(inputs->query_positions, a->batch, 4);
    permit_array(inputs->key_starts, a->batch, 4);
    permit_array(inputs->sinks, a->q_heads, 4);
    permit_array(inputs->dropout_state, 2, 8);
    for (int32_t b = 0; b < a->batch; b++) {
        permit_sequence(model, b);
        if (inputs->alibi_slopes)
            permit_array(inputs->alibi_slopes + b * inputs->alibi_batch_stride, a->q_heads, 4);
    }
}

static bool is_tame(const double *numbers, int64_t count)
{
    bool tame = true;
    for (int64_t n = 0; n < count; n++)
        tame = tame && fabs(numbers[n]) < 64;
    return tame;
}

static const double *gather_queries(memory_pool *pool, const attention_model *model, const tensor_view *view, int32_t b,
                                    bool *tame)
{
    const int64_t heads = view->shape.heads, dim = view->shape.dim, rows = model_queries(model, b);
    double *numbers = memory_take(pool, rows * heads * dim, sizeof *numbers);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t h = 0; h < heads; h++)
            view_load_before(view, model->attention->dtype, 0, model_query_row(model, b, i), h,
                             numbers + (i * heads + h) * dim);
    *tame = *tame && is_tame(numbers, rows * heads * dim);
    return numbers;
}

typedef double (*scale_of_key)(const attention_model *model, key_row row, int64_t head);

static const double *gather_keys(memory_pool *pool, const attention_model *model, const tensor_view *view,
                                 scale_of_key scale, int32_t b, bool *tame)
{
    const int64_t heads = view->shape.heads, dim = view->shape.dim, rows = model_keys(model, b);
    double *numbers = memory_take(pool, rows * heads * dim, sizeof *numbers);
    for (int64_t j = 0; j < rows; j++)
        for (int64_t h = 0; h < heads; h++) {
            const key_row row = model_key_row(model, b, j);
            double *key = numbers + (j * heads + h) * dim;
            view_load_before(view, attention_kv_dtype(model->attention), row.page, row.token, h, key);
            for (int64_t n = 0; n < dim; n++)
                key[n] *= scale(model, row, h);
        }
    *tame = *tame && is_tame(numbers, rows * heads * dim);
    return numbers;
}

static const double *gather_floats(memory_pool *pool, const float *floats, int64_t count, bool *tame)
{
    if (!floats)
        return NULL;
    const float *before = arena_before(floats);
    double *numbers = memory_take(pool, count, sizeof *numbers);
    for (int64_t n = 0; n < count; n++)
        numbers[n] = before[n];
    *tame = *tame && is_tame(numbers, count);
    return numbers;
}

/* [queries, q_heads] of sequence b, from [q_heads, total_q]. */
static const double *gather_dlse(memory_pool *pool, const attention_model *model, int32_t b, bool *tame)
{
    const varlen_attention *a = model->attention;
    const int64_t rows = model_queries(model, b);
    if (!model->dlse)
        return NULL;
    const float *before = arena_before(model->dlse);
    double *numbers = memory_take(pool, rows * a->q_heads, sizeof *numbers);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t h = 0; h < a->q_heads; h++)
            numbers[i * a->q_heads + h] = before[h * a->total_q + model_query_row(model, b, i)];
    *tame = *tame && is_tame(numbers, rows * a->q_heads);
    return numbers;
}

static void give_problem(const varlen_attention *a, sequence *s)
{
    const bool is_window = a->mask == VARLEN_MASK_WINDOW, is_full = a->mask == VARLEN_MASK_FULL;
    const bool has_left = is_window || (!is_full && a->window_left > 0);
    const bool is_default = a->softmax_scale == 0 && !(a->flags & VARLEN_FLAG_EXACT_SCALE);
    s->q_heads = a->q_heads;
    s->kv_heads = a->kv_heads;
    s->head_dim = a->head_dim;
    s->value_dim = a->value_dim ? a->value_dim : a->head_dim;
    s->alignment = a->alignment;
    s->left = has_left ? a->window_left : VARLEN_UNBOUNDED;
    s->right = is_window ? a->window_right : (is_full ? VARLEN_UNBOUNDED : 0);
    s->scale = is_default ? 1 / sqrt(a->head_dim) : a->softmax_scale;
    s->softcap = a->softcap;
    s->dropout_p = a->dropout_p;
}

sequence attention_model_sequence(memory_pool *pool, const attention_model *model, int32_t b, bool *tame)
{
    const varlen_attention *a = model->attention;
    const varlen_inputs *inputs = model->inputs;
    const uint64_t *state = inputs->dropout_state ? arena_before(inputs->dropout_state) : NULL;
    const float *slopes = inputs->alibi_slopes ? inputs->alibi_slopes + b * inputs->alibi_batch_stride : NULL;
    bool out_is_tame = true; /* it is yet to be written, perhaps */
    sequence s = {.queries = model_queries(model, b), .keys = model_keys(model, b), .index = b};
    give_problem(a, &s);
    attention_rows_give(model, b, &s);
    s.position = inputs->query_positions ? inputs->query_positions + b : NULL;
    *tame = *tame && (!s.position || !slopes || (*s.position < 1000 && *s.position > -1000));
    s.dropout_seed = state ? state[0] : inputs->dropout_seed;
    s.dropout_offset = state ? state[1] : inputs->dropout_offset;
    *tame =
        *tame && fabs(s.scale) <= 4 && s.softcap < 1000 && (s.softcap == 0 || s.softcap > 0.1) && s.dropout_p <= 0.95f;
    s.slopes = gather_floats(pool, slopes, a->q_heads, tame);
    s.sinks = gather_floats(pool, inputs->sinks, a->q_heads, tame);
    s.q = gather_queries(pool, model, &model->q, b, tame);
    s.k = gather_keys(pool, model, &model->k, attention_k_scale, b, tame);
    s.v = gather_keys(pool, model, &model->v, attention_v_scale, b, tame);
    if (model->dout.shape.name) {
        s.out = gather_queries(pool, model, &model->out, b, &out_is_tame);
        s.dout = gather_queries(pool, model, &model->dout, b, tame);
        s.dlse = gather_dlse(pool, model, b, tame);
    }
    return s;
}
