/* The rules of varlen_forward_args and varlen_backward_args, each with its reason. */
#include "rules_passes.h"

#include <inttypes.h>

#include "checked_size.h"
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

static varlen_status check_metadata_arrays(const varlen_attention *a, const varlen_forward_args *args,
                                           varlen_extents *extents)
{
    const int64_t batch = a->batch;
    const bool paged = a->page_size > 0;
    const bool has_sequences = a->batch > 0; /* frameworks hand out NULL for arrays without elements */
    const varlen_presence packed_only = paged ? VARLEN_ABSENT : VARLEN_REQUIRED;
    const varlen_presence by_sequence = paged && has_sequences ? VARLEN_REQUIRED : VARLEN_OPTIONAL;
    const varlen_presence table = paged ? (a->page_table_width > 0 ? by_sequence : VARLEN_OPTIONAL) : VARLEN_ABSENT;
    const char *mode = paged ? "keys are paged (page_size > 0)" : "keys are packed (page_size = 0)";
    const varlen_array arrays[] = {
        {.name = "cu_seqlens_q",
         .data = args->cu_seqlens_q,
         .element_size = sizeof(int32_t),
         .presence = VARLEN_REQUIRED,
         .because = "it says where sequences start",
         .elements = batch + 1,
         .shape = "batch + 1"},
        {.name = "cu_seqlens_k",
         .data = args->cu_seqlens_k,
         .element_size = sizeof(int32_t),
         .presence = packed_only,
         .because = mode,
         .elements = batch + 1,
         .shape = "batch + 1"},
        {.name = "seqused_q",
         .data = args->seqused_q,
         .element_size = sizeof(int32_t),
         .presence = VARLEN_OPTIONAL,
         .elements = batch,
         .shape = "batch"},
        /* else pages would all be full */
        {.name = "seqused_k",
         .data = args->seqused_k,
         .element_size = sizeof(int32_t),
         .presence = by_sequence,
         .because = mode,
         .elements = batch,
         .shape = "batch"},
        {.name = "leftpad_k",
         .data = args->leftpad_k,
         .element_size = sizeof(int32_t),
         .presence = VARLEN_OPTIONAL,
         .elements = batch,
         .shape = "batch"},
        {.name = "page_table",
         .data = args->page_table,
         .element_size = sizeof(int32_t),
         .presence = table,
         .because = mode,
         .elements = varlen_size_product(batch, a->page_table_width),
         .shape = "batch * page_table_width"},
    };
    return varlen_check_arrays(arrays, VARLEN_COUNT_OF(arrays), extents);
}

/* A batch of one has nowhere to step to. */
static int64_t resolved_alibi_stride(const varlen_attention *a, const varlen_forward_args *args)
{
    return args->alibi_slopes && a->batch <= 1 ? 0 : args->alibi_batch_stride;
}

static varlen_status check_score_arrays(const varlen_attention *a, varlen_forward_args *args, varlen_extents *extents)
{
    const int64_t stride = resolved_alibi_stride(a, args);
    const int64_t slopes = varlen_size_sum(varlen_size_product(stride, a->batch > 0 ? a->batch - 1 : 0), a->q_heads);
    const varlen_array arrays[] = {
        {.name = "alibi_slopes",
         .data = args->alibi_slopes,
         .element_size = sizeof(float),
         .presence = VARLEN_OPTIONAL,
         .elements = slopes,
         .shape = "(batch - 1) * alibi_batch_stride + q_heads"},
        {.name = "sinks",
         .data = args->sinks,
         .element_size = sizeof(float),
         .presence = VARLEN_OPTIONAL,
         .elements = a->q_heads,
         .shape = "q_heads"},
        {.name = "dropout_state",
         .data = args->dropout_state,
         .element_size = sizeof(uint64_t),
         .presence = VARLEN_OPTIONAL,
         .elements = 2,
         .shape = "2"},
    };
    /* A stride for slopes that are not there: the slopes were forgotten. */
    VARLEN_RULE(args->alibi_slopes || stride == 0, INVALID_ARGUMENT,
                "alibi_batch_stride = %" PRId64 " must be 0 without alibi_slopes", stride);
    /* Below q_heads, sequences would share slopes by accident. */
    VARLEN_RULE(stride == 0 || stride >= a->q_heads, INVALID_ARGUMENT,
                "alibi_batch_stride = %" PRId64 " is neither 0 nor at least q_heads = %d", stride, a->q_heads);
    args->alibi_batch_stride = stride;
    return varlen_check_arrays(arrays, VARLEN_COUNT_OF(arrays), extents);
}

static varlen_status check_page_stride(const varlen_attention *a, const char *name, int64_t stride)
{
    /* It would be dropped silently. */
    VARLEN_RULE(a->page_size > 0 || stride == 0, INVALID_ARGUMENT, "%s = %" PRId64 " must be 0 without paging", name,
                stride);
    return VARLEN_OK;
}

/* What the two passes share: q, k, v and all that says how to read them. */
static varlen_status check_inputs(const varlen_attention *a, varlen_forward_args *args, varlen_extents *extents)
{
    const varlen_tensor_rule q = query_rows(a, "q", a->head_dim, false);
    const varlen_tensor_rule k = key_rows(a, "k", a->head_dim, "k_page_stride", false);
    const varlen_tensor_rule v = key_rows(a, "v", a->value_dim, "v_page_stride", false);
    VARLEN_TRY(check_page_stride(a, "k_page_stride", args->k_page_stride));
    VARLEN_TRY(check_page_stride(a, "v_page_stride", args->v_page_stride));
    VARLEN_TRY(varlen_check_tensor(&q, &args->q, extents));
    VARLEN_TRY(varlen_check_stacked_tensor(&k, &args->k, &args->k_page_stride, extents));
    VARLEN_TRY(varlen_check_stacked_tensor(&v, &args->v, &args->v_page_stride, extents));
    VARLEN_TRY(check_metadata_arrays(a, args, extents));
    args->page_table = a->page_table_width > 0 ? args->page_table : NULL;
    return check_score_arrays(a, args, extents);
}

static varlen_array lse_array(const varlen_attention *a, const float *lse, varlen_presence presence, bool written)
{
    return (varlen_array){.name = "lse",
                          .data = lse,
                          .element_size = sizeof(float),
                          .presence = presence,
                          .because = "the weights are computed from it",
                          .elements = varlen_size_product(a->q_heads, a->total_q),
                          .shape = "q_heads * total_q",
                          .written = written};
}

static varlen_array workspace_array(void *workspace, size_t size)
{
    return (varlen_array){.name = "workspace",
                          .data = workspace,
                          .element_size = 1,
                          .presence = VARLEN_OPTIONAL, /* varlen_check_workspace knows better */
                          .elements = size < (size_t)INT64_MAX ? (int64_t)size : INT64_MAX,
                          .shape = "workspace_size",
                          .written = true};
}

varlen_status varlen_check_forward(const varlen_attention *attention, const varlen_forward_args *given,
                                   varlen_forward_args *args)
{
    const varlen_tensor_rule out = query_rows(attention, "out", attention->value_dim, true);
    varlen_extents extents = {.count = 0};
    VARLEN_TRY(varlen_struct_read(VARLEN_STRUCT_FORWARD_ARGS, given, args));
    VARLEN_TRY(check_inputs(attention, args, &extents));
    VARLEN_TRY(varlen_check_tensor(&out, &args->out, &extents));
    const varlen_array arrays[] = {lse_array(attention, args->lse, VARLEN_OPTIONAL, true),
                                   workspace_array(args->workspace, args->workspace_size)};
    VARLEN_TRY(varlen_check_arrays(arrays, VARLEN_COUNT_OF(arrays), &extents));
    return varlen_check_overlaps(&extents);
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

static varlen_status check_gradients(const varlen_attention *a, varlen_backward_args *args, varlen_extents *extents)
{
    const varlen_tensor_rule out = query_rows(a, "out", a->value_dim, false);
    const varlen_tensor_rule dout = query_rows(a, "dout", a->value_dim, false);
    const varlen_tensor_rule dq = query_rows(a, "dq", a->head_dim, true);
    const varlen_tensor_rule dk = key_rows(a, "dk", a->head_dim, NULL, true);
    const varlen_tensor_rule dv = key_rows(a, "dv", a->value_dim, NULL, true);
    const varlen_array arrays[] = {
        lse_array(a, args->lse, a->total_q > 0 ? VARLEN_REQUIRED : VARLEN_OPTIONAL, false),
        {.name = "dsinks",
         .data = args->dsinks,
         .element_size = sizeof(float),
         .presence = args->sinks ? VARLEN_OPTIONAL : VARLEN_ABSENT,
         .because = "sinks is NULL",
         .elements = a->q_heads,
         .shape = "q_heads",
         .written = true},
        workspace_array(args->workspace, args->workspace_size),
    };
    VARLEN_TRY(varlen_check_tensor(&out, &args->out, extents));
    VARLEN_TRY(varlen_check_tensor(&dout, &args->dout, extents));
    VARLEN_TRY(varlen_check_tensor(&dq, &args->dq, extents));
    VARLEN_TRY(varlen_check_tensor(&dk, &args->dk, extents));
    VARLEN_TRY(varlen_check_tensor(&dv, &args->dv, extents));
    return varlen_check_arrays(arrays, VARLEN_COUNT_OF(arrays), extents);
}

varlen_status varlen_check_backward(const varlen_attention *attention, const varlen_backward_args *given,
                                    varlen_backward_args *args)
{
    VARLEN_TRY(varlen_struct_read(VARLEN_STRUCT_BACKWARD_ARGS, given, args));
    varlen_forward_args inputs = varlen_forward_part(args);
    varlen_extents extents = {.count = 0};
    VARLEN_TRY(check_inputs(attention, &inputs, &extents));
    args->q = inputs.q; /* with the strides resolved */
    args->k = inputs.k;
    args->v = inputs.v;
    args->alibi_batch_stride = inputs.alibi_batch_stride;
    VARLEN_TRY(check_gradients(attention, args, &extents));
    return varlen_check_overlaps(&extents);
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
