/* The sequences of a batch: where their rows are, and each one by itself. */
#include "attention_batch.h"

#include <math.h>
#include <string.h>

static int32_t value_dim_of(const attention_batch *batch)
{
    return batch->attention.value_dim ? batch->attention.value_dim : batch->attention.head_dim;
}

int64_t batch_queries(const attention_batch *batch, int32_t b)
{
    int32_t used = batch->seqused_q ? batch->seqused_q[b] : batch->cu_seqlens_q[b + 1] - batch->cu_seqlens_q[b];
    return used - (batch->leftpad_q ? batch->leftpad_q[b] : 0);
}

int64_t batch_keys(const attention_batch *batch, int32_t b)
{
    int32_t used = batch->seqused_k ? batch->seqused_k[b] : batch->cu_seqlens_k[b + 1] - batch->cu_seqlens_k[b];
    return used - (batch->leftpad_k ? batch->leftpad_k[b] : 0);
}

int64_t batch_query_row(const attention_batch *batch, int32_t b, int64_t i)
{
    return batch->cu_seqlens_q[b] + (batch->leftpad_q ? batch->leftpad_q[b] : 0) + i;
}

int64_t batch_key_slot(const attention_batch *batch, int32_t b)
{
    return batch->key_starts ? batch->key_starts[b] : batch->cu_seqlens_k[b];
}

int64_t batch_key_row(const attention_batch *batch, int32_t b, int64_t j)
{
    int64_t slot_row = (batch->leftpad_k ? batch->leftpad_k[b] : 0) + j;
    if (batch->attention.page_size == 0)
        return batch_key_slot(batch, b) + slot_row;
    int32_t size = batch->attention.page_size;
    int64_t page = batch->page_table[(int64_t)b * batch->attention.page_table_width + slot_row / size];
    return page * size + slot_row % size;
}

/* With the scales of the rows. */
static const double *gather_keys(memory_pool *pool, const attention_batch *batch, int32_t b, const double *rows,
                                 const batch_scales *scales, int32_t dim)
{
    int64_t keys = batch_keys(batch, b), row_size = (int64_t)batch->attention.kv_heads * dim;
    double *gathered = memory_take(pool, keys * row_size, sizeof *gathered);
    for (int64_t j = 0; j < keys; j++) {
        int64_t row = batch_key_row(batch, b, j);
        for (int64_t n = 0; n < row_size; n++)
            gathered[j * row_size + n] = rows[row * row_size + n] * batch_scale(batch, scales, row, (int32_t)(n / dim));
    }
    return gathered;
}

static const double *as_doubles(memory_pool *pool, const float *values, int32_t count)
{
    if (!values)
        return NULL;
    double *result = memory_take(pool, count, sizeof *result);
    for (int32_t n = 0; n < count; n++)
        result[n] = values[n];
    return result;
}

/* As docs/semantics.md counts them. */
static const double *slopes_of(memory_pool *pool, const attention_batch *batch, int32_t b)
{
    if (!batch->alibi_slopes)
        return NULL;
    const float *given = batch->alibi_slopes + b * batch->alibi_batch_stride;
    double *slopes = memory_take(pool, batch->attention.q_heads, sizeof *slopes);
    for (int32_t head = 0; head < batch->attention.q_heads; head++)
        slopes[head] = fmax(-0x1p95, fmin(0x1p95, given[head]));
    return slopes;
}

static const int32_t *rows_of(const attention_batch *batch, const int32_t *rows, int32_t b)
{
    return rows ? rows + batch_query_row(batch, b, 0) : NULL;
}

sequence batch_sequence(memory_pool *pool, const attention_batch *batch, int32_t b)
{
    const varlen_attention *attention = &batch->attention;
    int32_t heads = attention->q_heads, kv_heads = attention->kv_heads;
    int32_t head_dim = attention->head_dim, value_dim = value_dim_of(batch);
    bool window = attention->mask == VARLEN_MASK_WINDOW, full = attention->mask == VARLEN_MASK_FULL;
    bool left_window = window || (!full && attention->window_left > 0);
    bool exact_scale = attention->softmax_scale != 0 || attention->flags & VARLEN_FLAG_EXACT_SCALE;
    return (sequence){
        .queries = batch_queries(batch, b),
        .keys = batch_keys(batch, b),
        .q_heads = heads,
        .kv_heads = kv_heads,
        .head_dim = head_dim,
        .value_dim = value_dim,
        .index = b,
        .alignment = attention->alignment,
        .position = batch->query_positions ? batch->query_positions + b : NULL,
        .left = left_window ? attention->window_left : VARLEN_UNBOUNDED,
        .right = window ? attention->window_right : (full ? VARLEN_UNBOUNDED : 0),
        .chunk = attention->attention_chunk,
        .key_begin = rows_of(batch, batch->key_begin, b),
        .key_end = rows_of(batch, batch->key_end, b),
        .tree = batch->tree_mask ? batch->tree_mask + batch_query_row(batch, b, 0) : NULL,
        .scale = exact_scale ? attention->softmax_scale : 1 / sqrt(head_dim),
        .softcap = attention->softcap,
        .dropout_p = attention->dropout_p,
        .dropout_seed = batch->dropout_seed,
        .dropout_offset = batch->dropout_offset,
        .sharp = batch->sharp,
        .slopes = slopes_of(pool, batch, b),
        .sinks = as_doubles(pool, batch->sinks, heads),
        .q = batch->q + batch_query_row(batch, b, 0) * heads * head_dim,
        .k = gather_keys(pool, batch, b, batch->k, &batch->k_scales, head_dim),
        .v = gather_keys(pool, batch, b, batch->v, &batch->v_scales, value_dim),
        .dout = batch->dout + batch_query_row(batch, b, 0) * heads * value_dim,
        .dlse = batch->dlse ? batch->dlse + batch_query_row(batch, b, 0) * heads : NULL,
    };
}

/* cu_seqlens of one slot, which begins at 0. */
static int32_t *single_slot(memory_pool *pool, const int32_t *cu_seqlens, int32_t b)
{
    int32_t *single = memory_take(pool, 2, sizeof *single);
    single[1] = cu_seqlens[b + 1] - cu_seqlens[b];
    return single;
}

static void scales_from(batch_scales *scales, int64_t row)
{
    if (!scales->at)
        return;
    scales->at += row * scales->token_stride;
    scales->count -= row * scales->token_stride;
}

attention_batch batch_alone(memory_pool *pool, const attention_batch *batch, int32_t b)
{
    attention_batch alone = *batch;
    alone.attention.batch = 1;
    alone.cu_seqlens_q = single_slot(pool, batch->cu_seqlens_q, b);
    alone.q_rows = alone.attention.total_q = alone.cu_seqlens_q[1];
    alone.q += (int64_t)batch->cu_seqlens_q[b] * batch->attention.q_heads * batch->attention.head_dim;
    alone.dout += (int64_t)batch->cu_seqlens_q[b] * batch->attention.q_heads * value_dim_of(batch);
    if (batch->dlse)
        alone.dlse += (int64_t)batch->cu_seqlens_q[b] * batch->attention.q_heads;
    if (batch->cu_seqlens_k)
        alone.cu_seqlens_k = single_slot(pool, batch->cu_seqlens_k, b);
    if (batch->key_starts)
        alone.key_starts = memory_take(pool, 1, sizeof *alone.key_starts); /* 0 */
    if (batch->attention.page_size == 0) {
        const int64_t slot = batch_key_slot(batch, b);
        const int64_t rows = batch->cu_seqlens_k ? alone.cu_seqlens_k[1] : batch->seqused_k[b];
        alone.k_rows = alone.k_page_rows = alone.attention.total_k = rows;
        alone.k += slot * batch->attention.kv_heads * batch->attention.head_dim;
        alone.v += slot * batch->attention.kv_heads * value_dim_of(batch);
        scales_from(&alone.k_scales, slot);
        scales_from(&alone.v_scales, slot);
    }
    if (batch->page_table)
        alone.page_table += (int64_t)b * batch->attention.page_table_width;
    if (batch->seqused_q)
        alone.seqused_q += b;
    if (batch->seqused_k)
        alone.seqused_k += b;
    if (batch->leftpad_q)
        alone.leftpad_q += b;
    if (batch->leftpad_k)
        alone.leftpad_k += b;
    if (batch->key_begin)
        alone.key_begin += batch->cu_seqlens_q[b];
    if (batch->key_end)
        alone.key_end += batch->cu_seqlens_q[b];
    if (batch->tree_mask)
        alone.tree_mask += batch->cu_seqlens_q[b];
    if (batch->query_positions)
        alone.query_positions += b;
    if (batch->alibi_slopes)
        alone.alibi_slopes += b * batch->alibi_batch_stride;
    return alone;
}

/* The scales of a batch whose rows are others: dense. */
static batch_scales own_scales(memory_pool *pool, const attention_batch *batch, const attention_batch *own,
                               const batch_scales *scales)
{
    const int32_t heads = batch->attention.kv_heads;
    batch_scales dense = {.count = own->k_rows * heads, .token_stride = heads, .head_stride = 1};
    if (!scales->at)
        return *scales;
    dense.at = memory_take(pool, dense.count, sizeof *dense.at);
    for (int32_t b = 0; b < batch->attention.batch; b++)
        for (int64_t row = 0; row < batch->seqused_k[b]; row++)
            for (int32_t head = 0; head < heads; head++)
                dense.at[(own->cu_seqlens_k[b] + row) * heads + head] =
                    (float)batch_scale(batch, scales, batch->key_starts[b] + row, head);
    return dense;
}

attention_batch batch_with_own_keys(memory_pool *pool, const attention_batch *batch)
{
    const int64_t k_size = (int64_t)batch->attention.kv_heads * batch->attention.head_dim;
    const int64_t v_size = (int64_t)batch->attention.kv_heads * value_dim_of(batch);
    attention_batch own = *batch;
    own.key_starts = NULL;
    own.attention.features &= ~VARLEN_FEATURE_KEY_STARTS;
    own.cu_seqlens_k = memory_take(pool, batch->attention.batch + 1, sizeof *own.cu_seqlens_k);
    for (int32_t b = 0; b < batch->attention.batch; b++)
        own.cu_seqlens_k[b + 1] = own.cu_seqlens_k[b] + batch->seqused_k[b];
    own.k_rows = own.k_page_rows = own.attention.total_k = own.cu_seqlens_k[batch->attention.batch];
    own.k = memory_take(pool, own.k_rows * k_size, sizeof *own.k);
    own.v = memory_take(pool, own.k_rows * v_size, sizeof *own.v);
    for (int32_t b = 0; b < batch->attention.batch; b++) {
        const size_t rows = (size_t)batch->seqused_k[b];
        memcpy(own.k + own.cu_seqlens_k[b] * k_size, batch->k + batch->key_starts[b] * k_size,
               rows * (size_t)k_size * sizeof *own.k);
        memcpy(own.v + own.cu_seqlens_k[b] * v_size, batch->v + batch->key_starts[b] * v_size,
               rows * (size_t)v_size * sizeof *own.v);
    }
    own.k_scales = own_scales(pool, batch, &own, &batch->k_scales);
    own.v_scales = own_scales(pool, batch, &own, &batch->v_scales);
    return own;
}
