/* The fields of public structs, but for struct_size; see fields.h. */
#include "fields.h"

#include <varlen/varlen.h>

static const field attention_fields[] = {
    FIELD(varlen_attention, dtype, INT32),
    FIELD(varlen_attention, batch, INT32),
    FIELD(varlen_attention, q_heads, INT32),
    FIELD(varlen_attention, kv_heads, INT32),
    FIELD(varlen_attention, head_dim, INT32),
    FIELD(varlen_attention, value_dim, INT32),
    FIELD(varlen_attention, total_q, INT64),
    FIELD(varlen_attention, total_k, INT64),
    FIELD(varlen_attention, max_seqlen_q, INT32),
    FIELD(varlen_attention, max_seqlen_k, INT32),
    FIELD(varlen_attention, softmax_scale, FLOAT),
    FIELD(varlen_attention, softcap, FLOAT),
    FIELD(varlen_attention, mask, INT32),
    FIELD(varlen_attention, alignment, INT32),
    FIELD(varlen_attention, window_left, INT32),
    FIELD(varlen_attention, window_right, INT32),
    FIELD(varlen_attention, dropout_p, FLOAT),
    FIELD(varlen_attention, page_size, INT32),
    FIELD(varlen_attention, page_table_width, INT32),
    FIELD(varlen_attention, flags, INT32),
    FIELD(varlen_attention, page_count, INT64),
    FIELD(varlen_attention, features, UINT64),
    FIELD(varlen_attention, attention_chunk, INT32),
    FIELD(varlen_attention, kv_dtype, INT32),
};
const field_table fields_of_attention = FIELD_TABLE("varlen_attention", attention_fields);

static const field inputs_fields[] = {
    FIELDS_OF_TENSOR(varlen_inputs, q),
    FIELDS_OF_TENSOR(varlen_inputs, k),
    FIELDS_OF_TENSOR(varlen_inputs, v),
    FIELD(varlen_inputs, k_page_stride, INT64),
    FIELD(varlen_inputs, v_page_stride, INT64),
    FIELD(varlen_inputs, cu_seqlens_q, POINTER),
    FIELD(varlen_inputs, cu_seqlens_k, POINTER),
    FIELD(varlen_inputs, seqused_q, POINTER),
    FIELD(varlen_inputs, seqused_k, POINTER),
    FIELD(varlen_inputs, leftpad_k, POINTER),
    FIELD(varlen_inputs, page_table, POINTER),
    FIELD(varlen_inputs, alibi_slopes, POINTER),
    FIELD(varlen_inputs, alibi_batch_stride, INT64),
    FIELD(varlen_inputs, sinks, POINTER),
    FIELD(varlen_inputs, dropout_seed, UINT64),
    FIELD(varlen_inputs, dropout_offset, UINT64),
    FIELD(varlen_inputs, dropout_state, POINTER),
    FIELD(varlen_inputs, key_begin, POINTER),
    FIELD(varlen_inputs, key_end, POINTER),
    FIELD(varlen_inputs, query_positions, POINTER),
    FIELD(varlen_inputs, key_starts, POINTER),
    FIELD(varlen_inputs, tree_mask, POINTER),
    FIELD(varlen_inputs, leftpad_q, POINTER),
    FIELD(varlen_inputs, k_scale, POINTER),
    FIELD(varlen_inputs, k_scale_token_stride, INT64),
    FIELD(varlen_inputs, k_scale_head_stride, INT64),
    FIELD(varlen_inputs, k_scale_page_stride, INT64),
    FIELD(varlen_inputs, v_scale, POINTER),
    FIELD(varlen_inputs, v_scale_token_stride, INT64),
    FIELD(varlen_inputs, v_scale_head_stride, INT64),
    FIELD(varlen_inputs, v_scale_page_stride, INT64),
};
const field_table fields_of_inputs = FIELD_TABLE("varlen_inputs", inputs_fields);

/* Those of the args but for inputs, which is the target's to point. */
static const field forward_fields[] = {
    FIELDS_OF_TENSOR(varlen_forward_args, out),
    FIELD(varlen_forward_args, lse, POINTER),
    FIELD(varlen_forward_args, workspace, POINTER),
    FIELD(varlen_forward_args, workspace_size, UINT64),
};
const field_table fields_of_forward = FIELD_TABLE("varlen_forward_args", forward_fields);

static const field backward_fields[] = {
    FIELDS_OF_TENSOR(varlen_backward_args, out),         FIELD(varlen_backward_args, lse, POINTER),
    FIELDS_OF_TENSOR(varlen_backward_args, dout),        FIELDS_OF_TENSOR(varlen_backward_args, dq),
    FIELDS_OF_TENSOR(varlen_backward_args, dk),          FIELDS_OF_TENSOR(varlen_backward_args, dv),
    FIELD(varlen_backward_args, dsinks, POINTER),        FIELD(varlen_backward_args, workspace, POINTER),
    FIELD(varlen_backward_args, workspace_size, UINT64), FIELD(varlen_backward_args, dlse, POINTER),
};
const field_table fields_of_backward = FIELD_TABLE("varlen_backward_args", backward_fields);

static const field merge_fields[] = {
    FIELD(varlen_merge_args, dtype, INT32),
    FIELD(varlen_merge_args, partial_dtype, INT32),
    FIELD(varlen_merge_args, parts, INT32),
    FIELD(varlen_merge_args, heads, INT32),
    FIELD(varlen_merge_args, tokens, INT64),
    FIELDS_OF_TENSOR(varlen_merge_args, partial_out),
    FIELD(varlen_merge_args, partial_out_stride, INT64),
    FIELD(varlen_merge_args, partial_lse, POINTER),
    FIELD(varlen_merge_args, partial_lse_stride, INT64),
    FIELDS_OF_TENSOR(varlen_merge_args, out),
    FIELD(varlen_merge_args, lse, POINTER),
    FIELD(varlen_merge_args, value_dim, INT32),
    FIELD(varlen_merge_args, reserved, INT32),
};
const field_table fields_of_merge = FIELD_TABLE("varlen_merge_args", merge_fields);

static const field pack_fields[] = {
    FIELD(varlen_pack_args, element_size, INT32),
    FIELD(varlen_pack_args, batch, INT32),
    FIELD(varlen_pack_args, max_seqlen, INT32),
    FIELD(varlen_pack_args, heads, INT32),
    FIELD(varlen_pack_args, dim, INT32),
    FIELD(varlen_pack_args, reserved, INT32),
    FIELD(varlen_pack_args, total, INT64),
    FIELDS_OF_TENSOR(varlen_pack_args, padded),
    FIELD(varlen_pack_args, padded_batch_stride, INT64),
    FIELDS_OF_TENSOR(varlen_pack_args, packed),
    FIELD(varlen_pack_args, cu_seqlens, POINTER),
    FIELD(varlen_pack_args, leftpad, POINTER),
};
const field_table fields_of_pack = FIELD_TABLE("varlen_pack_args", pack_fields);

static const field kv_append_fields[] = {
    FIELD(varlen_kv_append_args, dtype, INT32),
    FIELD(varlen_kv_append_args, batch, INT32),
    FIELD(varlen_kv_append_args, kv_heads, INT32),
    FIELD(varlen_kv_append_args, head_dim, INT32),
    FIELD(varlen_kv_append_args, value_dim, INT32),
    FIELD(varlen_kv_append_args, q_heads, INT32),
    FIELD(varlen_kv_append_args, total_new, INT64),
    FIELD(varlen_kv_append_args, total_k, INT64),
    FIELD(varlen_kv_append_args, page_size, INT32),
    FIELD(varlen_kv_append_args, page_table_width, INT32),
    FIELD(varlen_kv_append_args, page_count, INT64),
    FIELDS_OF_TENSOR(varlen_kv_append_args, q),
    FIELDS_OF_TENSOR(varlen_kv_append_args, k_new),
    FIELDS_OF_TENSOR(varlen_kv_append_args, v_new),
    FIELDS_OF_TENSOR(varlen_kv_append_args, k_cache),
    FIELDS_OF_TENSOR(varlen_kv_append_args, v_cache),
    FIELD(varlen_kv_append_args, k_page_stride, INT64),
    FIELD(varlen_kv_append_args, v_page_stride, INT64),
    FIELD(varlen_kv_append_args, cu_seqlens_new, POINTER),
    FIELD(varlen_kv_append_args, cu_seqlens_k, POINTER),
    FIELD(varlen_kv_append_args, seqused_k, POINTER),
    FIELD(varlen_kv_append_args, leftpad_k, POINTER),
    FIELD(varlen_kv_append_args, page_table, POINTER),
    FIELD(varlen_kv_append_args, seqused_k_out, POINTER),
    FIELD(varlen_kv_append_args, rotary_cos, POINTER),
    FIELD(varlen_kv_append_args, rotary_sin, POINTER),
    FIELD(varlen_kv_append_args, rotary_positions, INT64),
    FIELD(varlen_kv_append_args, rotary_dim, INT32),
    FIELD(varlen_kv_append_args, rotary_interleaved, INT32),
    FIELD(varlen_kv_append_args, cache_dtype, INT32),
    FIELD(varlen_kv_append_args, scales_given, INT32),
    FIELD(varlen_kv_append_args, k_scale, POINTER),
    FIELD(varlen_kv_append_args, k_scale_token_stride, INT64),
    FIELD(varlen_kv_append_args, k_scale_head_stride, INT64),
    FIELD(varlen_kv_append_args, k_scale_page_stride, INT64),
    FIELD(varlen_kv_append_args, v_scale, POINTER),
    FIELD(varlen_kv_append_args, v_scale_token_stride, INT64),
    FIELD(varlen_kv_append_args, v_scale_head_stride, INT64),
    FIELD(varlen_kv_append_args, v_scale_page_stride, INT64),
    FIELD(varlen_kv_append_args, rotary_begin, INT32),
    FIELD(varlen_kv_append_args, reserved, INT32),
};
const field_table fields_of_kv_append = FIELD_TABLE("varlen_kv_append_args", kv_append_fields);
