/* A kv_append row in device memory, and the call. */
#include "append.h"

static strided_tensor give(append_call *call, tensor_layout layout, const char *name, int64_t rows, int32_t heads,
                           int32_t dim, const double *values)
{
    const tensor_shape shape = {name, call->trial->dtype, 1, rows, heads, dim};
    strided_tensor tensor = layout_alone(&call->blocks, layout, &shape, BLOCK_INPUT_FILL);
    tensor_store(&tensor, values);
    return tensor;
}

static strided_tensor place_cache(append_call *call, tensor_layout layout, const char *name,
                                  const append_metadata *metadata, int32_t heads, int32_t dim)
{
    const varlen_dtype dtype = call->args.cache_dtype ? call->args.cache_dtype : call->trial->dtype;
    const tensor_shape shape = {name, dtype, metadata->pages, metadata->page_rows, heads, dim};
    return layout_alone(&call->blocks, layout, &shape, BLOCK_OUTPUT_FILL);
}

static void *copied(append_call *call, const char *name, const void *contents, int64_t count, int64_t size)
{
    return block_data(block_add_copy(&call->blocks, name, contents, count * size));
}

static void give_sizes(append_call *call, const append_case *row, const append_metadata *metadata)
{
    call->args = (varlen_kv_append_args){.struct_size = sizeof call->args,
                                         .dtype = call->trial->dtype,
                                         .batch = row->lens_new.count,
                                         .kv_heads = append_kv_heads(row),
                                         .head_dim = append_head_dim(row),
                                         .value_dim = row->value_dim,
                                         .q_heads = row->q_heads,
                                         .total_new = metadata->total_new,
                                         .rotary_dim = row->rotary_dim,
                                         .rotary_begin = row->rotary_begin,
                                         .rotary_interleaved = row->rotary_interleaved,
                                         .cache_dtype = row->cache_dtype,
                                         .scales_given = row->scales_given};
    if (row->page_size) {
        call->args.page_size = row->page_size;
        call->args.page_table_width = metadata->width;
        call->args.page_count = metadata->pages;
    } else {
        call->args.total_k = metadata->page_rows;
    }
}

static void give_metadata(append_call *call, const append_case *row, const append_metadata *metadata)
{
    const int64_t batch = row->lens_new.count, size = sizeof(int32_t);
    varlen_kv_append_args *args = &call->args;
    args->cu_seqlens_new = copied(call, "cu_seqlens_new", metadata->cu_seqlens_new, batch + 1, size);
    args->cu_seqlens_k = copied(call, "cu_seqlens_k", metadata->cu_seqlens_k, batch + 1, size);
    device_block *seqused = block_add_copy(&call->blocks, "seqused_k", metadata->seqused_k, batch * size);
    args->seqused_k = block_data(seqused);
    args->leftpad_k = copied(call, "leftpad_k", metadata->leftpad_k, batch, size);
    args->page_table = copied(call, "page_table", metadata->page_table, batch * metadata->width, size);
    if (row->seqused_in_place)
        call->seqused_k_out = seqused;
    else if (!row->without_seqused_out)
        call->seqused_k_out = block_add(&call->blocks, "seqused_k_out", batch * size, BLOCK_OUTPUT_FILL);
    args->seqused_k_out = block_data(call->seqused_k_out);
}

static void give_tensors(append_call *call, const append_case *row, const append_metadata *metadata,
                         const append_values *values)
{
    int64_t rows = metadata->total_new;
    int32_t heads = append_kv_heads(row), head_dim = append_head_dim(row), value_dim = append_value_dim(row);
    call->k_new = give(call, row->layout, "k_new", rows, heads, head_dim, values->k);
    call->k_cache = place_cache(call, row->layout, "k_cache", metadata, heads, head_dim);
    call->args.k_new = tensor_view(&call->k_new);
    call->args.k_cache = tensor_view(&call->k_cache);
    call->args.k_page_stride = tensor_page_stride(&call->k_cache);
    if (!row->keys_alone) {
        call->v_new = give(call, row->layout, "v_new", rows, heads, value_dim, values->v);
        call->v_cache = place_cache(call, row->layout, "v_cache", metadata, heads, value_dim);
        call->args.v_new = tensor_view(&call->v_new);
        call->args.v_cache = tensor_view(&call->v_cache);
        call->args.v_page_stride = tensor_page_stride(&call->v_cache);
    }
    if (row->q_heads) {
        call->q = give(call, row->layout, "q", rows, row->q_heads, head_dim, values->q);
        call->args.q = tensor_view(&call->q);
    }
}

append_call append_prepare(case_trial *trial, const append_case *row, const append_metadata *metadata,
                           const append_values *values)
{
    append_call call = {.trial = trial, .blocks.session = session_begin(trial)};
    give_sizes(&call, row, metadata);
    give_metadata(&call, row, metadata);
    give_tensors(&call, row, metadata, values);
    append_give_scales(&call, row, metadata);
    if (row->rotary_dim) {
        int64_t count = metadata->positions * row->rotary_dim / 2;
        call.args.rotary_cos = copied(&call, "rotary_cos", values->cos, count, sizeof(float));
        call.args.rotary_sin = copied(&call, "rotary_sin", values->sin, count, sizeof(float));
        call.args.rotary_positions = metadata->positions;
    }
    block_list_upload(&call.blocks);
    return call;
}

varlen_status append_submit(const append_call *call)
{
    const device_session *session = call->blocks.session;
    return varlen_kv_append(session->context, session->stream, &call->args);
}
