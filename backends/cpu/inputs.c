#include "inputs.h"

static philox_key dropout_key(const varlen_inputs *given)
{
    const uint64_t *state = given->dropout_state;
    return state ? philox_call_key(state[0], state[1]) : philox_call_key(given->dropout_seed, given->dropout_offset);
}

static bool values_in_keys(const varlen_attention *attention, const varlen_inputs *given)
{
    return given->v.data == given->k.data && given->v.token_stride == given->k.token_stride &&
           given->v.head_stride == given->k.head_stride && given->v_page_stride == given->k_page_stride &&
           attention->value_dim <= attention->head_dim;
}

static cpu_cache scales_of(const varlen_attention *attention, const float *data, int64_t token_stride,
                           int64_t head_stride, int64_t page_stride)
{
    const varlen_tensor tensor = {(void *)(uintptr_t)data, token_stride, head_stride};
    return (cpu_cache){tensor, page_stride, attention->page_size, VARLEN_FLOAT32};
}

cpu_inputs cpu_inputs_of(const varlen_attention *attention, const varlen_inputs *given)
{
    const varlen_dtype kv_dtype = attention->kv_dtype ? attention->kv_dtype : attention->dtype;
    return (cpu_inputs){
        .attention = attention,
        .metadata = {.cu_seqlens_q = given->cu_seqlens_q,
                     .cu_seqlens_k = given->cu_seqlens_k,
                     .seqused_q = given->seqused_q,
                     .seqused_k = given->seqused_k,
                     .leftpad_q = given->leftpad_q,
                     .leftpad_k = given->leftpad_k,
                     .key_begin = given->key_begin,
                     .key_end = given->key_end,
                     .tree_mask = given->tree_mask,
                     .page_table = given->page_table,
                     .page_table_width = attention->page_table_width,
                     .page_size = attention->page_size,
                     .alignment = attention->alignment,
                     .query_positions = given->query_positions,
                     .key_starts = given->key_starts},
        .q = given->q,
        .keys = {given->k, given->k_page_stride, attention->page_size, kv_dtype},
        .values = {given->v, given->v_page_stride, attention->page_size, kv_dtype},
        .values_in_keys = values_in_keys(attention, given),
        .key_scales = scales_of(attention, given->k_scale, given->k_scale_token_stride, given->k_scale_head_stride,
                                given->k_scale_page_stride),
        .value_scales = scales_of(attention, given->v_scale, given->v_scale_token_stride, given->v_scale_head_stride,
                                  given->v_scale_page_stride),
        .alibi_slopes = given->alibi_slopes,
        .alibi_batch_stride = given->alibi_batch_stride,
        .sinks = given->sinks,
        .score = score_rule_of(attention, given->alibi_slopes),
        .dropout_key = dropout_key(given),
    };
}

cpu_slots cpu_query_slots(const cpu_inputs *inputs)
{
    const cpu_metadata *metadata = &inputs->metadata;
    return (cpu_slots){.cu_seqlens = metadata->cu_seqlens_q,
                       .seqused = metadata->seqused_q,
                       .leftpad = metadata->leftpad_q,
                       .batch = inputs->attention->batch,
                       .total = inputs->attention->total_q};
}

cpu_slots cpu_key_slots(const cpu_inputs *inputs)
{
    const cpu_metadata *metadata = &inputs->metadata;
    if (metadata->key_starts)
        return (cpu_slots){.total = inputs->attention->total_k};
    return (cpu_slots){.cu_seqlens = metadata->cu_seqlens_k,
                       .seqused = metadata->seqused_k,
                       .leftpad = metadata->leftpad_k,
                       .batch = inputs->attention->batch,
                       .total = inputs->attention->total_k};
}
