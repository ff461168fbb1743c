/* The rules of varlen_kv_append_args, each with its reason. */
#include <inttypes.h>

#include "rules_around.h"
#include "rules_common.h"
#include "rules_tensor.h"
#include "structs.h"

static varlen_status check_sizes(const varlen_kv_append_args *args)
{
    const varlen_range ranges[] = {
        {"batch", args->batch, 0, INT32_MAX},
        {"kv_heads", args->kv_heads, 1, INT32_MAX},
        {"q_heads", args->q_heads, 0, INT32_MAX},     /* 0: no queries to rotate */
        {"total_new", args->total_new, 0, INT32_MAX}, /* cu_seqlens_new is 32 bits wide */
    };
    const varlen_paging paging = {args->page_size, args->page_table_width, args->page_count, args->total_k};
    VARLEN_TRY(varlen_check_dtype("dtype", args->dtype));
    VARLEN_TRY(varlen_check_ranges(ranges, VARLEN_COUNT_OF(ranges)));
    VARLEN_TRY(varlen_check_dim("head_dim", args->head_dim, 256));
    if (args->value_dim != 0) /* 0: the same as head_dim */
        VARLEN_TRY(varlen_check_dim("value_dim", args->value_dim, 256));
    return varlen_check_paging(&paging);
}

static varlen_status check_rotation(const varlen_kv_append_args *args)
{
    const int32_t rotary_dim = args->rotary_dim;
    const varlen_range ranges[] = {
        {"rotary_dim", rotary_dim, 0, INT32_MAX},
        {"rotary_interleaved", args->rotary_interleaved, 0, 1},
        {"rotary_positions", args->rotary_positions, 0, INT64_MAX / 1024}, /* a row is at most 128 floats */
    };
    const varlen_presence tables = rotary_dim > 0 && args->rotary_positions > 0 ? VARLEN_REQUIRED : VARLEN_OPTIONAL;
    const varlen_array arrays[] = {
        {"rotary_cos", args->rotary_cos, sizeof(float), tables, "rotary_dim > 0"},
        {"rotary_sin", args->rotary_sin, sizeof(float), tables, "rotary_dim > 0"},
    };
    VARLEN_TRY(varlen_check_ranges(ranges, VARLEN_COUNT_OF(ranges)));
    /* It is a part of each head. */
    VARLEN_RULE(rotary_dim <= args->head_dim, INVALID_ARGUMENT, "rotary_dim = %d is above head_dim = %d", rotary_dim,
                args->head_dim);
    /* Elements are rotated in pairs. */
    VARLEN_RULE(rotary_dim % 2 == 0, INVALID_ARGUMENT, "rotary_dim = %d is not a multiple of 2", rotary_dim);
    /* Queries are given to be rotated, and for nothing else. */
    VARLEN_RULE(args->q_heads == 0 || rotary_dim > 0, INVALID_ARGUMENT, "q_heads = %d must be 0 with rotary_dim = 0",
                args->q_heads);
    VARLEN_RULE(args->q_heads > 0 || !args->q.data, INVALID_ARGUMENT, "q.data is given, but q_heads = 0");
    return varlen_check_arrays(arrays, VARLEN_COUNT_OF(arrays));
}

static varlen_status check_new_rows(varlen_kv_append_args *args)
{
    const varlen_tensor_rule k = {.name = "k_new",
                                  .element_size = varlen_dtype_size(args->dtype),
                                  .alignment = VARLEN_ROW_ALIGNMENT,
                                  .tokens = args->total_new,
                                  .heads = args->kv_heads,
                                  .dim = args->head_dim};
    varlen_tensor_rule v = k;
    v.name = "v_new";
    v.dim = args->value_dim;
    varlen_tensor_rule q = k;
    q.name = "q";
    q.heads = args->q_heads;
    q.written = true;
    VARLEN_TRY(varlen_check_tensor(&k, &args->k_new));
    VARLEN_TRY(varlen_check_tensor(&v, &args->v_new));
    return args->q_heads > 0 ? varlen_check_tensor(&q, &args->q) : VARLEN_OK;
}

static varlen_status check_cache(varlen_kv_append_args *args)
{
    const bool paged = args->page_size > 0;
    const varlen_tensor_rule k = {.name = "k_cache",
                                  .element_size = varlen_dtype_size(args->dtype),
                                  .alignment = VARLEN_ROW_ALIGNMENT,
                                  .written = true,
                                  .tokens = paged ? args->page_size : args->total_k,
                                  .heads = args->kv_heads,
                                  .dim = args->head_dim,
                                  .stride_name = paged ? "k_page_stride" : NULL,
                                  .count = paged ? args->page_count : 1};
    varlen_tensor_rule v = k;
    v.name = "v_cache";
    v.dim = args->value_dim;
    v.stride_name = paged ? "v_page_stride" : NULL;
    /* A page stride would be dropped silently. */
    VARLEN_RULE(paged || args->k_page_stride == 0, INVALID_ARGUMENT,
                "k_page_stride = %" PRId64 " must be 0 without paging", args->k_page_stride);
    VARLEN_RULE(paged || args->v_page_stride == 0, INVALID_ARGUMENT,
                "v_page_stride = %" PRId64 " must be 0 without paging", args->v_page_stride);
    VARLEN_TRY(varlen_check_stacked_tensor(&k, &args->k_cache, &args->k_page_stride));
    return varlen_check_stacked_tensor(&v, &args->v_cache, &args->v_page_stride);
}

static varlen_status check_metadata_arrays(const varlen_kv_append_args *args)
{
    const bool paged = args->page_size > 0;
    const varlen_presence by_sequence = args->batch > 0 ? VARLEN_REQUIRED : VARLEN_OPTIONAL;
    const varlen_presence table = paged ? (args->page_table_width > 0 ? by_sequence : VARLEN_OPTIONAL) : VARLEN_ABSENT;
    const char *mode = paged ? "the cache is paged (page_size > 0)" : "the cache is packed (page_size = 0)";
    const varlen_array arrays[] = {
        {"cu_seqlens_new", args->cu_seqlens_new, sizeof(int32_t), VARLEN_REQUIRED, "it says whose the new rows are"},
        {"cu_seqlens_k", args->cu_seqlens_k, sizeof(int32_t), paged ? VARLEN_ABSENT : VARLEN_REQUIRED, mode},
        {"seqused_k", args->seqused_k, sizeof(int32_t), by_sequence, "it says where the new rows go"},
        {"leftpad_k", args->leftpad_k, sizeof(int32_t), VARLEN_OPTIONAL, NULL},
        {"page_table", args->page_table, sizeof(int32_t), table, mode},
        {"seqused_k_out", args->seqused_k_out, sizeof(int32_t), VARLEN_OPTIONAL, NULL},
    };
    return varlen_check_arrays(arrays, VARLEN_COUNT_OF(arrays));
}

varlen_status varlen_check_kv_append(const varlen_kv_append_args *given, varlen_kv_append_args *args)
{
    VARLEN_TRY(varlen_struct_read(VARLEN_STRUCT_KV_APPEND_ARGS, given, args));
    VARLEN_TRY(check_sizes(args));
    if (args->value_dim == 0)
        args->value_dim = args->head_dim;
    VARLEN_TRY(check_rotation(args));
    VARLEN_TRY(check_new_rows(args));
    VARLEN_TRY(check_cache(args));
    return check_metadata_arrays(args);
}
