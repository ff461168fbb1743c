/* The rules of varlen_inputs, each with its reason. */
#include "rules_inputs.h"

#include <inttypes.h>

#include "checked_size.h"
#include "rules_common.h"
#include "structs.h"
#include "vocabulary.h"

varlen_tensor_rule varlen_query_rows(const varlen_attention *attention, const char *name, int32_t dim, bool written)
{
    return (varlen_tensor_rule){.name = name,
                                .element_size = varlen_dtype_size(attention->dtype),
                                .alignment = VARLEN_ROW_ALIGNMENT,
                                .written = written,
                                .unexpanded = !(attention->features & VARLEN_FEATURE_EXPANDED),
                                .tokens = attention->total_q,
                                .heads = attention->q_heads,
                                .dim = dim,
                                .count = 1};
}

varlen_tensor_rule varlen_key_rows(const varlen_attention *attention, const char *name, int32_t dim,
                                   const char *stride_name, bool written)
{
    const bool paged = attention->page_size > 0;
    return (varlen_tensor_rule){.name = name,
                                .element_size = varlen_dtype_size(attention->dtype),
                                .alignment = VARLEN_ROW_ALIGNMENT,
                                .written = written,
                                .unexpanded = !(attention->features & VARLEN_FEATURE_EXPANDED),
                                .tokens = paged ? attention->page_size : attention->total_k,
                                .heads = attention->kv_heads,
                                .dim = dim,
                                .stride_name = paged ? stride_name : NULL,
                                .count = paged ? attention->page_count : 1};
}

varlen_status varlen_check_feature(const varlen_attention *attention, const char *name, const void *given,
                                   uint64_t feature)
{
    /* The backend was asked about the problem without it. */
    VARLEN_RULE(!given || (attention->features & feature), INVALID_ARGUMENT, "%s is given, but features has no %s",
                name, varlen_feature_name(feature));
    return VARLEN_OK;
}

static varlen_status check_features(const varlen_attention *a, const varlen_inputs *inputs)
{
    VARLEN_TRY(varlen_check_feature(a, "seqused_q", inputs->seqused_q, VARLEN_FEATURE_SEQUSED_Q));
    VARLEN_TRY(varlen_check_feature(a, "seqused_k", inputs->seqused_k, VARLEN_FEATURE_SEQUSED_K));
    VARLEN_TRY(varlen_check_feature(a, "leftpad_k", inputs->leftpad_k, VARLEN_FEATURE_LEFTPAD_K));
    VARLEN_TRY(varlen_check_feature(a, "leftpad_q", inputs->leftpad_q, VARLEN_FEATURE_LEFTPAD_Q));
    VARLEN_TRY(varlen_check_feature(a, "alibi_slopes", inputs->alibi_slopes, VARLEN_FEATURE_ALIBI));
    VARLEN_TRY(varlen_check_feature(a, "sinks", inputs->sinks, VARLEN_FEATURE_SINKS));
    VARLEN_TRY(varlen_check_feature(a, "dropout_state", inputs->dropout_state, VARLEN_FEATURE_DROPOUT_STATE));
    VARLEN_TRY(varlen_check_feature(a, "key_begin", inputs->key_begin, VARLEN_FEATURE_KEY_RANGES));
    VARLEN_TRY(varlen_check_feature(a, "key_end", inputs->key_end, VARLEN_FEATURE_KEY_RANGES));
    VARLEN_TRY(varlen_check_feature(a, "query_positions", inputs->query_positions, VARLEN_FEATURE_QUERY_POSITIONS));
    VARLEN_TRY(varlen_check_feature(a, "key_starts", inputs->key_starts, VARLEN_FEATURE_KEY_STARTS));
    return varlen_check_feature(a, "tree_mask", inputs->tree_mask, VARLEN_FEATURE_TREE_MASK);
}

static varlen_status check_metadata_arrays(const varlen_attention *a, const varlen_inputs *inputs,
                                           varlen_extents *extents)
{
    const int64_t batch = a->batch;
    const bool paged = a->page_size > 0;
    const bool has_sequences = a->batch > 0; /* frameworks hand out NULL for arrays without elements */
    const bool started = inputs->key_starts != NULL;
    const varlen_presence slots = paged || started ? VARLEN_ABSENT : VARLEN_REQUIRED;
    const varlen_presence by_sequence = (paged || started) && has_sequences ? VARLEN_REQUIRED : VARLEN_OPTIONAL;
    const varlen_presence table = paged ? (a->page_table_width > 0 ? by_sequence : VARLEN_OPTIONAL) : VARLEN_ABSENT;
    const char *mode = paged ? "keys are paged (page_size > 0)" : "keys are packed (page_size = 0)";
    const char *keys = paged || !started ? mode : "key_starts says where keys begin";
    const varlen_array arrays[] = {
        {.name = "cu_seqlens_q",
         .data = inputs->cu_seqlens_q,
         .element_size = sizeof(int32_t),
         .presence = VARLEN_REQUIRED,
         .because = "it says where sequences start",
         .elements = batch + 1,
         .shape = "batch + 1"},
        {.name = "cu_seqlens_k",
         .data = inputs->cu_seqlens_k,
         .element_size = sizeof(int32_t),
         .presence = slots,
         .because = keys,
         .elements = batch + 1,
         .shape = "batch + 1"},
        {.name = "seqused_q",
         .data = inputs->seqused_q,
         .element_size = sizeof(int32_t),
         .presence = VARLEN_OPTIONAL,
         .elements = batch,
         .shape = "batch"},
        /* else pages would all be full, and keys that have but a start would have no end */
        {.name = "seqused_k",
         .data = inputs->seqused_k,
         .element_size = sizeof(int32_t),
         .presence = by_sequence,
         .because = keys,
         .elements = batch,
         .shape = "batch"},
        {.name = "leftpad_k",
         .data = inputs->leftpad_k,
         .element_size = sizeof(int32_t),
         .presence = VARLEN_OPTIONAL,
         .elements = batch,
         .shape = "batch"},
        {.name = "leftpad_q",
         .data = inputs->leftpad_q,
         .element_size = sizeof(int32_t),
         .presence = VARLEN_OPTIONAL,
         .elements = batch,
         .shape = "batch"},
        {.name = "page_table",
         .data = inputs->page_table,
         .element_size = sizeof(int32_t),
         .presence = table,
         .because = mode,
         .elements = varlen_size_product(batch, a->page_table_width),
         .shape = "batch * page_table_width"},
    };
    return varlen_check_arrays(arrays, VARLEN_COUNT_OF(arrays), extents);
}

/* What each row of q has one element of. */
static varlen_status check_row_arrays(const varlen_attention *a, const varlen_inputs *inputs, varlen_extents *extents)
{
    const varlen_array arrays[] = {
        {.name = "key_begin",
         .data = inputs->key_begin,
         .element_size = sizeof(int32_t),
         .presence = VARLEN_OPTIONAL,
         .elements = a->total_q,
         .shape = "total_q"},
        {.name = "key_end",
         .data = inputs->key_end,
         .element_size = sizeof(int32_t),
         .presence = VARLEN_OPTIONAL,
         .elements = a->total_q,
         .shape = "total_q"},
        {.name = "tree_mask",
         .data = inputs->tree_mask,
         .element_size = sizeof(uint64_t),
         .presence = VARLEN_OPTIONAL,
         .elements = a->total_q,
         .shape = "total_q"},
    };
    return varlen_check_arrays(arrays, VARLEN_COUNT_OF(arrays), extents);
}

static varlen_status check_position_arrays(const varlen_attention *a, const varlen_inputs *inputs,
                                           varlen_extents *extents)
{
    const bool top_left = a->alignment == VARLEN_ALIGN_TOP_LEFT;
    const varlen_array arrays[] = {
        /* both would say where queries stand */
        {.name = "query_positions",
         .data = inputs->query_positions,
         .element_size = sizeof(int32_t),
         .presence = top_left ? VARLEN_ABSENT : VARLEN_OPTIONAL,
         .because = "alignment is VARLEN_ALIGN_TOP_LEFT",
         .elements = a->batch,
         .shape = "batch"},
        /* pages say where keys are */
        {.name = "key_starts",
         .data = inputs->key_starts,
         .element_size = sizeof(int32_t),
         .presence = a->page_size > 0 ? VARLEN_ABSENT : VARLEN_OPTIONAL,
         .because = "keys are paged (page_size > 0)",
         .elements = a->batch,
         .shape = "batch"},
    };
    return varlen_check_arrays(arrays, VARLEN_COUNT_OF(arrays), extents);
}

/* A batch of one has nowhere to step to. */
static int64_t resolved_alibi_stride(const varlen_attention *a, const varlen_inputs *inputs)
{
    return inputs->alibi_slopes && a->batch <= 1 ? 0 : inputs->alibi_batch_stride;
}

static varlen_status check_score_arrays(const varlen_attention *a, varlen_inputs *inputs, varlen_extents *extents)
{
    const int64_t stride = resolved_alibi_stride(a, inputs);
    const int64_t slopes = varlen_size_sum(varlen_size_product(stride, a->batch > 0 ? a->batch - 1 : 0), a->q_heads);
    const varlen_array arrays[] = {
        {.name = "alibi_slopes",
         .data = inputs->alibi_slopes,
         .element_size = sizeof(float),
         .presence = VARLEN_OPTIONAL,
         .elements = slopes,
         .shape = "(batch - 1) * alibi_batch_stride + q_heads"},
        {.name = "sinks",
         .data = inputs->sinks,
         .element_size = sizeof(float),
         .presence = VARLEN_OPTIONAL,
         .elements = a->q_heads,
         .shape = "q_heads"},
        {.name = "dropout_state",
         .data = inputs->dropout_state,
         .element_size = sizeof(uint64_t),
         .presence = VARLEN_OPTIONAL,
         .elements = 2,
         .shape = "2"},
    };
    /* A stride for slopes that are not there: the slopes were forgotten. */
    VARLEN_RULE(inputs->alibi_slopes || stride == 0, INVALID_ARGUMENT,
                "alibi_batch_stride = %" PRId64 " must be 0 without alibi_slopes", stride);
    /* Below q_heads, sequences would share slopes by accident. */
    VARLEN_RULE(stride == 0 || stride >= a->q_heads, INVALID_ARGUMENT,
                "alibi_batch_stride = %" PRId64 " is neither 0 nor at least q_heads = %d", stride, a->q_heads);
    inputs->alibi_batch_stride = stride;
    return varlen_check_arrays(arrays, VARLEN_COUNT_OF(arrays), extents);
}

static varlen_status check_page_stride(const varlen_attention *a, const char *name, int64_t stride)
{
    /* It would be dropped silently. */
    VARLEN_RULE(a->page_size > 0 || stride == 0, INVALID_ARGUMENT, "%s = %" PRId64 " must be 0 without paging", name,
                stride);
    return VARLEN_OK;
}

static varlen_status check_fields(const varlen_attention *a, varlen_inputs *inputs, varlen_extents *extents)
{
    const varlen_tensor_rule q = varlen_query_rows(a, "q", a->head_dim, false);
    const varlen_tensor_rule k = varlen_key_rows(a, "k", a->head_dim, "k_page_stride", false);
    const varlen_tensor_rule v = varlen_key_rows(a, "v", a->value_dim, "v_page_stride", false);
    VARLEN_TRY(check_page_stride(a, "k_page_stride", inputs->k_page_stride));
    VARLEN_TRY(check_page_stride(a, "v_page_stride", inputs->v_page_stride));
    VARLEN_TRY(varlen_check_tensor(&q, &inputs->q, extents));
    VARLEN_TRY(varlen_check_stacked_tensor(&k, &inputs->k, &inputs->k_page_stride, extents));
    VARLEN_TRY(varlen_check_stacked_tensor(&v, &inputs->v, &inputs->v_page_stride, extents));
    VARLEN_TRY(check_metadata_arrays(a, inputs, extents));
    VARLEN_TRY(check_position_arrays(a, inputs, extents));
    inputs->page_table = a->page_table_width > 0 ? inputs->page_table : NULL;
    VARLEN_TRY(check_row_arrays(a, inputs, extents));
    return check_score_arrays(a, inputs, extents);
}

varlen_status varlen_check_inputs(const varlen_attention *attention, const varlen_inputs *given, varlen_inputs *inputs,
                                  varlen_extents *extents)
{
    VARLEN_TRY(varlen_struct_read(VARLEN_STRUCT_INPUTS, given, inputs));
    VARLEN_TRY(check_features(attention, inputs));
    return check_fields(attention, inputs, extents);
}
