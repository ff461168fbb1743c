#include "inputs.h"

static philox_key dropout_key(const uint64_t *state, uint64_t seed, uint64_t offset)
{
    return state ? philox_call_key(state[0], state[1]) : philox_call_key(seed, offset);
}

cpu_inputs cpu_inputs_of_forward(const varlen_attention *attention, const varlen_forward_args *args)
{
    return (cpu_inputs){
        .attention = attention,
        .metadata = {.cu_seqlens_q = args->cu_seqlens_q,
                     .cu_seqlens_k = args->cu_seqlens_k,
                     .seqused_q = args->seqused_q,
                     .seqused_k = args->seqused_k,
                     .leftpad_k = args->leftpad_k,
                     .page_table = args->page_table,
                     .page_table_width = attention->page_table_width,
                     .page_size = attention->page_size},
        .q = args->q,
        .keys = {args->k, args->k_page_stride, attention->page_size, attention->dtype},
        .values = {args->v, args->v_page_stride, attention->page_size, attention->dtype},
        .alibi_slopes = args->alibi_slopes,
        .alibi_batch_stride = args->alibi_batch_stride,
        .sinks = args->sinks,
        .score = score_rule_of(attention, args->alibi_slopes),
        .dropout_key = dropout_key(args->dropout_state, args->dropout_seed, args->dropout_offset),
    };
}

cpu_inputs cpu_inputs_of_backward(const varlen_attention *attention, const varlen_backward_args *args)
{
    return (cpu_inputs){
        .attention = attention,
        .metadata = {.cu_seqlens_q = args->cu_seqlens_q,
                     .cu_seqlens_k = args->cu_seqlens_k,
                     .seqused_q = args->seqused_q,
                     .seqused_k = args->seqused_k,
                     .leftpad_k = args->leftpad_k},
        .q = args->q,
        .keys = {.tensor = args->k, .dtype = attention->dtype},
        .values = {.tensor = args->v, .dtype = attention->dtype},
        .alibi_slopes = args->alibi_slopes,
        .alibi_batch_stride = args->alibi_batch_stride,
        .sinks = args->sinks,
        .score = score_rule_of(attention, args->alibi_slopes),
        .dropout_key = dropout_key(args->dropout_state, args->dropout_seed, args->dropout_offset),
    };
}
