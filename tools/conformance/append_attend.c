/* varlen_kv_append, and then varlen_forward on the memory that it wrote: rotated queries attend to the keys and values
 * that the cache stands for. */
#include "append.h"
#include "attention_answer.h"
#include "forward_call.h"

#include <math.h>

/* Rows that have been appended, where they went; NaN elsewhere. */
static double *load_cache(case_trial *trial, const append_case *row, const append_metadata *metadata,
                          const strided_tensor *cache)
{
    const int64_t size = (int64_t)cache->shape.heads * cache->shape.dim;
    const int64_t count = metadata->pages * metadata->page_rows * size;
    double *rows = TRIAL_TAKE(trial, count, double);
    for (int64_t n = 0; n < count; n++)
        rows[n] = NAN;
    for (int32_t b = 0; b < row->lens_new.count; b++)
        for (int64_t t = 0; t < row->lens_new.at[b]; t++) {
            const int64_t at = append_cache_row(row, metadata, b, t);
            tensor_load_row(cache, at, rows + at * size);
        }
    return rows;
}

static batch_scales load_scales(case_trial *trial, const append_case *row, const append_metadata *metadata,
                                const strided_tensor *scales)
{
    if (!scales->block)
        return (batch_scales){.at = NULL};
    const int64_t heads = append_kv_heads(row), rows = metadata->page_rows;
    batch_scales loaded = {.count = metadata->pages * rows * heads, .token_stride = heads, .head_stride = 1};
    loaded.page_stride = row->page_size ? rows * heads : 0;
    loaded.at = TRIAL_TAKE(trial, loaded.count, float);
    const double *values = load_cache(trial, row, metadata, scales);
    for (int64_t n = 0; n < loaded.count; n++)
        loaded.at[n] = (float)values[n];
    return loaded;
}

static varlen_attention problem_of(const append_case *row, const append_metadata *metadata, varlen_dtype dtype)
{
    const bool paged = row->page_size > 0;
    return (varlen_attention){.struct_size = sizeof(varlen_attention),
                              .dtype = dtype,
                              .batch = row->lens_new.count,
                              .q_heads = row->q_heads,
                              .kv_heads = append_kv_heads(row),
                              .head_dim = append_head_dim(row),
                              .value_dim = row->value_dim,
                              .total_q = metadata->total_new,
                              .total_k = paged ? 0 : metadata->page_rows,
                              .mask = VARLEN_MASK_CAUSAL,
                              .page_size = row->page_size,
                              .page_table_width = metadata->width,
                              .page_count = paged ? metadata->pages : 0,
                              .features = VARLEN_FEATURE_LSE | VARLEN_FEATURE_SEQUSED_K,
                              .kv_dtype = row->cache_dtype};
}

/* What the call has left in memory, as a problem. */
static attention_batch batch_of(case_trial *trial, const append_case *row, const append_metadata *metadata,
                                const append_call *call)
{
    attention_batch batch = {.attention = problem_of(row, metadata, trial->dtype),
                             .q_rows = metadata->total_new,
                             .k_rows = metadata->pages * metadata->page_rows,
                             .k_page_rows = metadata->page_rows,
                             .cu_seqlens_q = metadata->cu_seqlens_new,
                             .cu_seqlens_k = metadata->cu_seqlens_k,
                             .page_table = metadata->page_table,
                             .k_scales = load_scales(trial, row, metadata, &call->k_scale),
                             .v_scales = load_scales(trial, row, metadata, &call->v_scale),
                             .k = load_cache(trial, row, metadata, &call->k_cache),
                             .v = load_cache(trial, row, metadata, &call->v_cache)};
    batch.seqused_k = TRIAL_TAKE(trial, row->lens_new.count, int32_t);
    for (int32_t b = 0; b < row->lens_new.count; b++)
        batch.seqused_k[b] = row->lens_new.at[b];
    batch.q = call_load(trial, &call->q);
    batch.dout = TRIAL_TAKE(trial, batch.q_rows * row->q_heads * append_value_dim(row), double);
    return batch;
}

/* The values of a cache that keys alone have been appended to: their first columns. */
static void give_latent_values(append_call *call, const append_case *row)
{
    varlen_kv_append_args *args = &call->args;
    tensor_shape shape = call->k_cache.shape;
    shape.dim = append_value_dim(row);
    call->v_cache = layout_first_columns(&call->k_cache, &shape);
    call->v_scale = call->k_scale;
    args->v_cache = tensor_view(&call->v_cache);
    args->v_page_stride = tensor_page_stride(&call->v_cache);
    args->v_scale = args->k_scale;
    args->v_scale_token_stride = args->k_scale_token_stride;
    args->v_scale_head_stride = args->k_scale_head_stride;
    args->v_scale_page_stride = args->k_scale_page_stride;
}

/* The append call's own memory in place of copies of what is there. */
static void give_cache(varlen_inputs *inputs, const varlen_kv_append_args *args)
{
    inputs->q = args->q;
    inputs->k = args->k_cache;
    inputs->v = args->v_cache;
    inputs->k_page_stride = args->k_page_stride;
    inputs->v_page_stride = args->v_page_stride;
    inputs->cu_seqlens_q = args->cu_seqlens_new;
    inputs->cu_seqlens_k = args->cu_seqlens_k;
    inputs->seqused_k = args->seqused_k_out;
    inputs->page_table = args->page_table;
    inputs->k_scale = args->k_scale;
    inputs->k_scale_token_stride = args->k_scale_token_stride;
    inputs->k_scale_head_stride = args->k_scale_head_stride;
    inputs->k_scale_page_stride = args->k_scale_page_stride;
    inputs->v_scale = args->v_scale;
    inputs->v_scale_token_stride = args->v_scale_token_stride;
    inputs->v_scale_head_stride = args->v_scale_head_stride;
    inputs->v_scale_page_stride = args->v_scale_page_stride;
}

void append_attend_run(case_trial *trial, const void *case_row)
{
    const append_case *row = case_row;
    append_metadata metadata = append_metadata_make(trial, row);
    append_values values = append_values_make(trial, row, &metadata);
    append_call append = append_prepare(trial, row, &metadata, &values);
    trial_expect_ok_or_skip(trial, append_submit(&append), "varlen_kv_append");
    block_list_download(&append.blocks);
    if (row->keys_alone)
        give_latent_values(&append, row);

    const attention_batch batch = batch_of(trial, row, &metadata, &append);
    call_skip_unsupported(trial, &batch);
    call_surroundings around = call_surroundings_usual(trial);
    around.session = append.blocks.session;
    forward_answer answer = answer_forward(trial, &batch);
    forward_call forward = forward_call_prepare(trial, &batch, &around);
    give_cache(&forward.inputs, &append.args);
    trial_expect_ok(trial, forward_call_submit(&forward), "varlen_forward");
    forward_result result = forward_call_finish(&forward);
    expected_check(trial, &answer.lse, result.lse);
    expected_check(trial, &answer.out, result.out);
}
