#include "inputs.h"

static philox_key dropout_key(const varlen_inputs *given)
{
    const uint64_t *state = given->dropout_state;
    return state ? philox_call_key(state[0], state[1]) : philox_call_key(given->dropout_seed, given->dropout_offset);
}

cpu_inputs cpu_inputs_of(const varlen_attention *attention, const varlen_inputs *given)
{
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
        .keys = {given->k, given->k_page_stride, attention->page_size, attention->dtype},
        .values = {given->v, given->v_page_stride, attention->page_size, attention->dtype},
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
    return (cpu_slots){.cu_seqlens = metadata->cu_seqlens_k,
                       .seqused = metadata->seqused_k,
                       .leftpad = metadata->leftpad_k,
                       .batch = inputs->attention->batch,
                       .total = inputs->attention->total_k};
}
