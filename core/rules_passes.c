/* The rules of varlen_forward_args and varlen_backward_args, each with its reason. */
#include "rules_passes.h"

#include <inttypes.h>

#include "rules_common.h"
#include "rules_tensor.h"
#include "structs.h"

static varlen_tensor_rule query_rows(const varlen_attention *attention, const char *name, int32_t dim, bool written)
{
    return (varlen_tensor_rule){.name = name,
                                .element_size = varlen_dtype_size(attention->dtype),
                                .alignment = VARLEN_ROW_ALIGNMENT,
                                .written = written,
                                .tokens = attention->total_q,
                                .heads = attention->q_heads,
                                .dim = dim,
                                .count = 1};
}

/* stride_name matters with paging only. */
static varlen_tensor_rule key_rows(const varlen_attention *attention, const char *name, int32_t dim,
                                   const char *stride_name, bool written)
{
    const bool paged = attention->page_size > 0;
    return (varlen_tensor_rule){.name = name,
                                .element_size = varlen_dtype_size(attention->dtype),
                                .alignment = VARLEN_ROW_ALIGNMENT,
                                .written = written,
                                .tokens = paged ? attention->page_size : attention->total_k,
                                .heads = attention->kv_heads,
                                .dim = dim,
                                .stride_name = paged ? stride_name : NULL,
                                .count = paged ? attention->page_count : 1};
}

static varlen_status check_metadata_arrays(const varlen_attention *a, const varlen_forward_args *args)
{
    const bool paged = a->page_size > 0;
    const bool has_sequences = a->batch > 0; /* frameworks hand out NULL for arrays without elements */
    const varlen_presence packed_only = paged ? VARLEN_ABSENT : VARLEN_REQUIRED;
    const varlen_presence by_sequence = paged && has_sequences ? VARLEN_REQUIRED : VARLEN_OPTIONAL;
    const varlen_presence table = paged ? (a->page_table_width > 0 ? by_sequence : VARLEN_OPTIONAL) : VARLEN_ABSENT;
    const char *mode = paged ? "keys are paged (page_size > 0)" : "keys are packed (page_size = 0)";
    const varlen_array arrays[] = {
        {"cu_seqlens_q", args->cu_seqlens_q, sizeof(int32_t), VARLEN_REQUIRED, "it says where sequences start"},
        {"cu_seqlens_k", args->cu_seqlens_k, sizeof(int32_t), packed_only, mode},
        {"seqused_q", args->seqused_q, sizeof(int32_t), VARLEN_OPTIONAL, NULL},
        {"seqused_k", args->seqused_k, sizeof(int32_t), by_sequence, mode}, /* else pages would all be full */
        {"leftpad_k", args->leftpad_k, sizeof(int32_t), VARLEN_OPTIONAL, NULL},
        {"page_table", args->page_table, sizeof(int32_t), table, mode},
    };
    return varlen_check_arrays(arrays, VARLEN_COUNT_OF(arrays));
}

static varlen_status check_score_arrays(const varlen_attention *a, const varlen_forward_args *args)
{
    const int64_t stride = args->alibi_batch_stride;
    const varlen_array arrays[] = {
        {"alibi_slopes", args->alibi_slopes, sizeof(float), VARLEN_OPTIONAL, NULL},
        {"sinks", args->sinks, sizeof(float), VARLEN_OPTIONAL, NULL},
        {"dropout_state", args->dropout_state, sizeof(uint64_t), VARLEN_OPTIONAL, NULL},
    };
    VARLEN_TRY(varlen_check_arrays(arrays, VARLEN_COUNT_OF(arrays)));
    /* A stride for slopes that are not there: the slopes were forgotten. */
    VARLEN_RULE(args->alibi_slopes || stride == 0, INVALID_ARGUMENT,
                "alibi_batch_stride = %" PRId64 " must be 0 without alibi_slopes", stride);
    /* Below q_heads, sequences would share slopes by accident. */
    VARLEN_RULE(stride == 0 || stride >= a->q_heads, INVALID_ARGUMENT,
                "alibi_batch_stride = %" PRId64 " is neither 0 nor at least q_heads = %d", stride, a->q_heads);
    int64_t bytes;
    VARLEN_RULE(!__builtin_mul_overflow(stride, (int64_t)a->batch * (int64_t)sizeof(float), &bytes), INVALID_ARGUMENT,
                "alibi_batch_stride = %" PRId64 " times batch = %d is past the end of the address space", stride,
                a->batch);
    return VARLEN_OK;
}

static varlen_status check_page_stride(const varlen_attention *a, const char *name, int64_t stride)
{
    /* It would be dropped silently. */
    VARLEN_RULE(a->page_size > 0 || stride == 0, INVALID_ARGUMENT, "%s = %" PRId64 " must be 0 without paging", name,
                stride);
    return VARLEN_OK;
}

/* What the two passes share: q, k, v and all that says how to read them. */
static varlen_status check_inputs(const varlen_attention *a, varlen_forward_args *args)
{
    const varlen_tensor_rule q = query_rows(a, "q", a->head_dim, false);
    const varlen_tensor_rule k = key_rows(a, "k", a->head_dim, "k_page_stride", false);
    const varlen_tensor_rule v = key_rows(a, "v", a->value_dim, "v_page_stride", false);
    VARLEN_TRY(check_page_stride(a, "k_page_stride", args->k_page_stride));
    VARLEN_TRY(check_page_stride(a, "v_page_stride", args->v_page_stride));
    VARLEN_TRY(varlen_check_tensor(&q, &args->q));
    VARLEN_TRY(varlen_check_stacked_tensor(&k, &args->k, &args->k_page_stride));
    VARLEN_TRY(varlen_check_stacked_tensor(&v, &args->v, &args->v_page_stride));
    VARLEN_TRY(check_metadata_arrays(a, args));
    return check_score_arrays(a, args);
}

varlen_status varlen_check_forward(const varlen_attention *attention, const varlen_forward_args *given,
                                   varlen_forward_args *args)
{
    const varlen_tensor_rule out = query_rows(attention, "out", attention->value_dim, true);
    VARLEN_TRY(varlen_struct_read(VARLEN_STRUCT_FORWARD_ARGS, given, args));
    VARLEN_TRY(check_inputs(attention, args));
    VARLEN_TRY(varlen_check_tensor(&out, &args->out));
    const varlen_array lse = {"lse", args->lse, sizeof(float), VARLEN_OPTIONAL, NULL};
    return varlen_check_arrays(&lse, 1);
}

varlen_forward_args varlen_forward_part(const varlen_backward_args *args)
{
    return (varlen_forward_args){
        .struct_size = sizeof(varlen_forward_args),
        .q = args->q,
        .k = args->k,
        .v = args->v,
        .cu_seqlens_q = args->cu_seqlens_q,
        .cu_seqlens_k = args->cu_seqlens_k,
        .seqused_q = args->seqused_q,
        .seqused_k = args->seqused_k,
        .leftpad_k = args->leftpad_k,
        .alibi_slopes = args->alibi_slopes,
        .alibi_batch_stride = args->alibi_batch_stride,
        .sinks = args->sinks,
        .dropout_state = args->dropout_state,
    };
}

static varlen_status check_gradients(const varlen_attention *a, varlen_backward_args *args)
{
    const varlen_tensor_rule out = query_rows(a, "out", a->value_dim, false);
    const varlen_tensor_rule dout = query_rows(a, "dout", a->value_dim, false);
    const varlen_tensor_rule dq = query_rows(a, "dq", a->head_dim, true);
    const varlen_tensor_rule dk = key_rows(a, "dk", a->head_dim, NULL, true);
    const varlen_tensor_rule dv = key_rows(a, "dv", a->value_dim, NULL, true);
    const varlen_array arrays[] = {
        {"lse", args->lse, sizeof(float), a->total_q > 0 ? VARLEN_REQUIRED : VARLEN_OPTIONAL,
         "the weights are computed from it"},
        {"dsinks", args->dsinks, sizeof(float), args->sinks ? VARLEN_OPTIONAL : VARLEN_ABSENT, "sinks is NULL"},
    };
    VARLEN_TRY(varlen_check_tensor(&out, &args->out));
    VARLEN_TRY(varlen_check_tensor(&dout, &args->dout));
    VARLEN_TRY(varlen_check_tensor(&dq, &args->dq));
    VARLEN_TRY(varlen_check_tensor(&dk, &args->dk));
    VARLEN_TRY(varlen_check_tensor(&dv, &args->dv));
    return varlen_check_arrays(arrays, VARLEN_COUNT_OF(arrays));
}

varlen_status varlen_check_backward(const varlen_attention *attention, const varlen_backward_args *given,
                                    varlen_backward_args *args)
{
    VARLEN_TRY(varlen_struct_read(VARLEN_STRUCT_BACKWARD_ARGS, given, args));
    varlen_forward_args inputs = varlen_forward_part(args);
    VARLEN_TRY(check_inputs(attention, &inputs));
    args->q = inputs.q; /* with the strides resolved */
    args->k = inputs.k;
    args->v = inputs.v;
    return check_gradients(attention, args);
}

varlen_status varlen_check_workspace(const void *workspace, size_t size, size_t needed)
{
    /* Scratch is divided into aligned pieces; writing past its end would corrupt memory. */
    VARLEN_RULE((uintptr_t)workspace % 64 == 0, INVALID_ARGUMENT, "workspace = %p is not aligned to 64 bytes",
                workspace);
    VARLEN_RULE(size >= needed, INVALID_ARGUMENT,
                "workspace_size = %zu is below the %zu bytes that varlen_workspace_size asks for", size, needed);
    VARLEN_RULE(workspace || needed == 0, INVALID_ARGUMENT, "workspace is NULL, but the call needs %zu bytes", needed);
    return VARLEN_OK;
}
