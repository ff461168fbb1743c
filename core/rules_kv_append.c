/* The rules of varlen_kv_append_args, each with its reason. */
#include <inttypes.h>

#include "checked_size.h"
#include "rules_around.h"
#include "rules_common.h"
#include "rules_tensor.h"
#include "structs.h"

/* Whether a latent cache is appended to, whose values are columns of its keys. */
static bool has_keys_alone(const varlen_kv_append_args *args)
{
    return !args->v_new.data && !args->v_cache.data;
}

static int64_t cache_rows(const varlen_kv_append_args *args)
{
    return args->page_size > 0 ? varlen_size_product(args->page_count, args->page_size) : args->total_k;
}

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
    VARLEN_TRY(varlen_check_dim("head_dim", args->head_dim));
    if (args->value_dim != 0) /* 0: the same as head_dim */
        VARLEN_TRY(varlen_check_dim("value_dim", args->value_dim));
    VARLEN_TRY(varlen_check_kv_dtype("cache_dtype", args->cache_dtype));
    VARLEN_TRY(varlen_check_kv_dim("head_dim", args->head_dim, args->cache_dtype));
    VARLEN_TRY(varlen_check_kv_dim("value_dim", args->value_dim, args->cache_dtype));
    VARLEN_TRY(varlen_check_reserved(args->reserved));
    return varlen_check_paging(&paging);
}

static varlen_status check_rotation(const varlen_kv_append_args *args, varlen_extents *extents)
{
    const int32_t rotary_dim = args->rotary_dim;
    const varlen_range ranges[] = {
        {"rotary_dim", rotary_dim, 0, INT32_MAX},
        {"rotary_begin", args->rotary_begin, 0, INT32_MAX},
        {"rotary_interleaved", args->rotary_interleaved, 0, 1},
        {"rotary_positions", args->rotary_positions, 0, INT64_MAX},
    };
    const varlen_presence tables = rotary_dim > 0 && args->rotary_positions > 0 ? VARLEN_REQUIRED : VARLEN_OPTIONAL;
    const int64_t elements = varlen_size_product(args->rotary_positions, rotary_dim / 2);
    const char *shape = "rotary_positions * rotary_dim / 2";
    const varlen_array arrays[] = {
        {.name = "rotary_cos",
         .data = args->rotary_cos,
         .element_size = sizeof(float),
         .presence = tables,
         .because = "rotary_dim > 0",
         .elements = elements,
         .shape = shape},
        {.name = "rotary_sin",
         .data = args->rotary_sin,
         .element_size = sizeof(float),
         .presence = tables,
         .because = "rotary_dim > 0",
         .elements = elements,
         .shape = shape},
    };
    VARLEN_TRY(varlen_check_ranges(ranges, VARLEN_COUNT_OF(ranges)));
    /* It is a part of each head. */
    VARLEN_RULE(rotary_dim <= args->head_dim, INVALID_ARGUMENT, "rotary_dim = %d is above head_dim = %d", rotary_dim,
                args->head_dim);
    VARLEN_RULE(args->rotary_begin <= args->head_dim - rotary_dim, INVALID_ARGUMENT,
                "rotary_begin = %d + rotary_dim = %d is above head_dim = %d", args->rotary_begin, rotary_dim,
                args->head_dim);
    /* It would be dropped silently. */
    VARLEN_RULE(rotary_dim > 0 || args->rotary_begin == 0, INVALID_ARGUMENT,
                "rotary_begin = %d must be 0 with rotary_dim = 0", args->rotary_begin);
    /* Elements are rotated in pairs. */
    VARLEN_RULE(rotary_dim % 2 == 0, INVALID_ARGUMENT, "rotary_dim = %d is not a multiple of 2", rotary_dim);
    /* Queries are given to be rotated, and for nothing else. */
    VARLEN_RULE(args->q_heads == 0 || rotary_dim > 0, INVALID_ARGUMENT, "q_heads = %d must be 0 with rotary_dim = 0",
                args->q_heads);
    VARLEN_RULE(args->q_heads > 0 || !args->q.data, INVALID_ARGUMENT, "q.data is given, but q_heads = 0");
    return varlen_check_arrays(arrays, VARLEN_COUNT_OF(arrays), extents);
}

static varlen_status check_new_rows(varlen_kv_append_args *args, varlen_extents *extents)
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
    /* Half of what values take: the other was forgotten. Frameworks hand out NULL for tensors without elements. */
    VARLEN_RULE(args->v_new.data || !args->v_cache.data || args->total_new == 0, INVALID_ARGUMENT,
                "v_new.data is NULL, but v_cache.data is given");
    VARLEN_RULE(args->v_cache.data || !args->v_new.data || cache_rows(args) == 0, INVALID_ARGUMENT,
                "v_cache.data is NULL, but v_new.data is given");
    VARLEN_TRY(varlen_check_tensor(&k, &args->k_new, extents));
    if (!has_keys_alone(args))
        VARLEN_TRY(varlen_check_tensor(&v, &args->v_new, extents));
    return args->q_heads > 0 ? varlen_check_tensor(&q, &args->q, extents) : VARLEN_OK;
}

static varlen_status check_scales(varlen_kv_append_args *args, varlen_tensor_rule k, varlen_tensor_rule v,
                                  varlen_extents *extents)
{
    const varlen_range given = {"scales_given", args->scales_given, 0, 1};
    const varlen_scales k_scales = {
        "k_scale",     "k_scale_token_stride",      "k_scale_head_stride",      "k_scale_page_stride",
        args->k_scale, &args->k_scale_token_stride, &args->k_scale_head_stride, &args->k_scale_page_stride};
    const varlen_scales v_scales = {
        "v_scale",     "v_scale_token_stride",      "v_scale_head_stride",      "v_scale_page_stride",
        args->v_scale, &args->v_scale_token_stride, &args->v_scale_head_stride, &args->v_scale_page_stride};
    const bool quantized = args->cache_dtype != 0;
    const bool written = quantized && !args->scales_given;
    VARLEN_TRY(varlen_check_ranges(&given, 1));
    VARLEN_RULE(quantized || !args->scales_given, INVALID_ARGUMENT, "scales_given = 1, but cache_dtype = 0");
    /* Nobody could read the rows without them. */
    VARLEN_RULE(!written || args->k_scale, INVALID_ARGUMENT, "k_scale is NULL, but the scales of new rows are written");
    VARLEN_RULE(!written || args->v_scale || has_keys_alone(args), INVALID_ARGUMENT,
                "v_scale is NULL, but the scales of new rows are written");
    /* They would be dropped silently. Where there are no rows at all, the keys have no data either. */
    VARLEN_RULE(!args->v_scale || !has_keys_alone(args) || (args->total_new == 0 && cache_rows(args) == 0),
                INVALID_ARGUMENT, "v_scale is given, but v_new.data and v_cache.data are NULL");
    k.written = v.written = written;
    VARLEN_TRY(varlen_check_scales(&k_scales, &k, quantized, "cache_dtype", extents));
    return varlen_check_scales(&v_scales, &v, quantized, "cache_dtype", extents);
}

static varlen_status check_cache(varlen_kv_append_args *args, varlen_extents *extents)
{
    const varlen_dtype dtype = args->cache_dtype ? args->cache_dtype : args->dtype;
    const bool paged = args->page_size > 0;
    const varlen_tensor_rule k = {.name = "k_cache",
                                  .element_size = varlen_dtype_size(dtype),
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
    VARLEN_TRY(varlen_check_stacked_tensor(&k, &args->k_cache, &args->k_page_stride, extents));
    if (!has_keys_alone(args))
        VARLEN_TRY(varlen_check_stacked_tensor(&v, &args->v_cache, &args->v_page_stride, extents));
    return check_scales(args, k, v, extents);
}

static varlen_status check_metadata_arrays(const varlen_kv_append_args *args, varlen_extents *extents)
{
    const int64_t batch = args->batch;
    const bool in_place = args->seqused_k_out == args->seqused_k; /* each length is read before it is written */
    const bool paged = args->page_size > 0;
    const varlen_presence by_sequence = args->batch > 0 ? VARLEN_REQUIRED : VARLEN_OPTIONAL;
    const varlen_presence table = paged ? (args->page_table_width > 0 ? by_sequence : VARLEN_OPTIONAL) : VARLEN_ABSENT;
    const char *mode = paged ? "the cache is paged (page_size > 0)" : "the cache is packed (page_size = 0)";
    const varlen_array arrays[] = {
        {.name = "cu_seqlens_new",
         .data = args->cu_seqlens_new,
         .element_size = sizeof(int32_t),
         .presence = VARLEN_REQUIRED,
         .because = "it says whose the new rows are",
         .elements = batch + 1,
         .shape = "batch + 1"},
        {.name = "cu_seqlens_k",
         .data = args->cu_seqlens_k,
         .element_size = sizeof(int32_t),
         .presence = paged ? VARLEN_ABSENT : VARLEN_REQUIRED,
         .because = mode,
         .elements = batch + 1,
         .shape = "batch + 1"},
        {.name = "seqused_k",
         .data = args->seqused_k,
         .element_size = sizeof(int32_t),
         .presence = by_sequence,
         .because = "it says where the new rows go",
         .elements = batch,
         .shape = "batch",
         .written = in_place},
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
         .elements = varlen_size_product(batch, args->page_table_width),
         .shape = "batch * page_table_width"},
        {.name = "seqused_k_out",
         .data = in_place ? NULL : args->seqused_k_out,
         .element_size = sizeof(int32_t),
         .presence = VARLEN_OPTIONAL,
         .elements = batch,
         .shape = "batch",
         .written = true},
    };
    return varlen_check_arrays(arrays, VARLEN_COUNT_OF(arrays), extents);
}

varlen_status varlen_check_kv_append(const varlen_kv_append_args *given, varlen_kv_append_args *args)
{
    VARLEN_TRY(varlen_struct_read(VARLEN_STRUCT_KV_APPEND_ARGS, given, args));
    VARLEN_TRY(check_sizes(args));
    if (args->value_dim == 0)
        args->value_dim = args->head_dim;
    varlen_extents extents;
    extents.count = 0;
    VARLEN_TRY(check_rotation(args, &extents));
    VARLEN_TRY(check_new_rows(args, &extents));
    VARLEN_TRY(check_cache(args, &extents));
    VARLEN_TRY(check_metadata_arrays(args, &extents));
    args->page_table = args->page_table_width > 0 ? args->page_table : NULL;
    return varlen_check_overlaps(&extents);
}
