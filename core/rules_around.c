/* The rules of merge, cu_seqlens, pack and unpack, each with its reason. */
#include "rules_around.h"

#include <inttypes.h>

#include "checked_size.h"
#include "rules_common.h"
#include "rules_tensor.h"
#include "structs.h"

static varlen_status check_merge_sizes(const varlen_merge_args *args)
{
    const varlen_range ranges[] = {
        {"parts", args->parts, 1, INT32_MAX}, /* of nothing there is no sum */
        {"heads", args->heads, 1, INT32_MAX},
        {"tokens", args->tokens, 0, INT32_MAX}, /* as total_q */
    };
    VARLEN_TRY(varlen_check_dtype("dtype", args->dtype));
    VARLEN_TRY(varlen_check_dtype("partial_dtype", args->partial_dtype));
    VARLEN_TRY(varlen_check_ranges(ranges, VARLEN_COUNT_OF(ranges)));
    VARLEN_TRY(varlen_check_dim("value_dim", args->value_dim));
    return varlen_check_reserved(args->reserved);
}

/* Whether an output that begins at `data` is one of `count` parts that lie `stride` bytes apart. */
static bool is_a_part(const void *data, const void *parts, int64_t count, int64_t stride)
{
    const uintptr_t distance = (uintptr_t)data - (uintptr_t)parts;
    if (!data || stride == 0)
        return data && distance == 0;
    return distance % (uintptr_t)stride == 0 && distance / (uintptr_t)stride < (uintptr_t)count;
}

static varlen_status check_merge_lse(varlen_merge_args *args, varlen_extents *extents)
{
    const int64_t size = sizeof(float);
    const int64_t dense = args->heads * args->tokens;
    if (args->partial_lse_stride == 0 || args->parts == 1)
        args->partial_lse_stride = dense;
    const int64_t stride = args->partial_lse_stride;
    /* lse may be one of the parts, which must then not reach into the next. */
    VARLEN_RULE(stride >= dense, INVALID_ARGUMENT,
                "partial_lse_stride = %" PRId64 " is below heads * tokens = %" PRId64, stride, dense);
    const int64_t elements = varlen_size_sum(varlen_size_product(stride, args->parts - 1), dense);
    const bool bounded = varlen_size_product(elements, size) < VARLEN_SIZE_TOO_LARGE;
    const bool in_place = bounded && is_a_part(args->lse, args->partial_lse, args->parts, stride * size);
    const varlen_array arrays[] = {
        {.name = "partial_lse",
         .data = args->partial_lse,
         .element_size = size,
         .presence = args->tokens > 0 ? VARLEN_REQUIRED : VARLEN_OPTIONAL,
         .because = "it weighs the parts",
         .elements = elements,
         .shape = "(parts - 1) * partial_lse_stride + heads * tokens",
         .written = in_place},
        {.name = "lse",
         .data = in_place ? NULL : args->lse,
         .element_size = size,
         .presence = VARLEN_OPTIONAL,
         .elements = dense,
         .shape = "heads * tokens",
         .written = true},
    };
    return varlen_check_arrays(arrays, VARLEN_COUNT_OF(arrays), extents);
}

/* Where out is one of the parts, it stands for itself in partial_out, whose parts must then be apart. */
static varlen_status check_merge_tensors(varlen_merge_args *args, varlen_extents *extents)
{
    const varlen_tensor_rule out = {.name = "out",
                                    .element_size = varlen_dtype_size(args->dtype),
                                    .alignment = VARLEN_ROW_ALIGNMENT,
                                    .written = true,
                                    .tokens = args->tokens,
                                    .heads = args->heads,
                                    .dim = args->value_dim};
    varlen_tensor_rule partial = out;
    partial.name = "partial_out";
    partial.element_size = varlen_dtype_size(args->partial_dtype);
    partial.written = false;
    partial.stride_name = "partial_out_stride";
    partial.count = args->parts;
    varlen_extents unused;
    unused.count = 0;
    varlen_tensor parts = args->partial_out;
    int64_t stride = args->partial_out_stride;
    VARLEN_TRY(varlen_check_stacked_tensor(&partial, &parts, &stride, &unused));
    VARLEN_TRY(varlen_check_tensor(&out, &args->out, &unused));
    partial.written = args->dtype == args->partial_dtype && args->out.token_stride == parts.token_stride &&
                      args->out.head_stride == parts.head_stride &&
                      is_a_part(args->out.data, parts.data, args->parts, stride * partial.element_size);
    VARLEN_TRY(varlen_check_stacked_tensor(&partial, &args->partial_out, &args->partial_out_stride, extents));
    return partial.written ? VARLEN_OK : varlen_check_tensor(&out, &args->out, extents);
}

varlen_status varlen_check_merge(const varlen_merge_args *given, varlen_merge_args *args)
{
    varlen_extents extents;
    extents.count = 0;
    VARLEN_TRY(varlen_struct_read(VARLEN_STRUCT_MERGE_ARGS, given, args));
    VARLEN_TRY(check_merge_sizes(args));
    VARLEN_TRY(check_merge_tensors(args, &extents));
    VARLEN_TRY(check_merge_lse(args, &extents));
    return varlen_check_overlaps(&extents);
}

varlen_status varlen_check_cu_seqlens(int32_t batch, const int32_t *lengths, const int32_t *cu_seqlens)
{
    const varlen_range range = {"batch", batch, 0, INT32_MAX};
    VARLEN_TRY(varlen_check_ranges(&range, 1));
    const varlen_array arrays[] = {
        {.name = "lengths",
         .data = lengths,
         .element_size = sizeof(int32_t),
         .presence = batch > 0 ? VARLEN_REQUIRED : VARLEN_OPTIONAL,
         .because = "it is what is summed",
         .elements = batch,
         .shape = "batch"},
        {.name = "cu_seqlens",
         .data = cu_seqlens,
         .element_size = sizeof(int32_t),
         .presence = VARLEN_REQUIRED,
         .because = "it is the output",
         .elements = (int64_t)batch + 1,
         .shape = "batch + 1",
         .written = true},
    };
    varlen_extents extents;
    extents.count = 0;
    VARLEN_TRY(varlen_check_arrays(arrays, VARLEN_COUNT_OF(arrays), &extents));
    return varlen_check_overlaps(&extents);
}

varlen_status varlen_check_pack(const varlen_pack_args *given, bool unpack, varlen_pack_args *args)
{
    VARLEN_TRY(varlen_struct_read(VARLEN_STRUCT_PACK_ARGS, given, args));
    const varlen_range ranges[] = {
        {"batch", args->batch, 0, INT32_MAX}, {"max_seqlen", args->max_seqlen, 0, INT32_MAX},
        {"heads", args->heads, 1, INT32_MAX}, {"dim", args->dim, 1, INT32_MAX},
        {"total", args->total, 0, INT32_MAX}, /* cu_seqlens is 32 bits wide */
    };
    const int32_t size = args->element_size;
    VARLEN_RULE(size == 1 || size == 2 || size == 4 || size == 8, INVALID_ARGUMENT,
                "element_size = %d is none of 1, 2, 4 and 8", size);
    VARLEN_TRY(varlen_check_ranges(ranges, VARLEN_COUNT_OF(ranges)));
    VARLEN_TRY(varlen_check_reserved(args->reserved));

    const varlen_tensor_rule packed = {.name = "packed",
                                       .element_size = size,
                                       .alignment = size,
                                       .written = !unpack,
                                       .tokens = args->total,
                                       .heads = args->heads,
                                       .dim = args->dim};
    varlen_tensor_rule padded = packed;
    padded.name = "padded";
    padded.written = unpack;
    padded.tokens = args->max_seqlen;
    padded.stride_name = "padded_batch_stride";
    padded.count = args->batch;
    varlen_extents extents;
    extents.count = 0;
    VARLEN_TRY(varlen_check_stacked_tensor(&padded, &args->padded, &args->padded_batch_stride, &extents));
    VARLEN_TRY(varlen_check_tensor(&packed, &args->packed, &extents));
    const varlen_array arrays[] = {
        {.name = "cu_seqlens",
         .data = args->cu_seqlens,
         .element_size = sizeof(int32_t),
         .presence = VARLEN_REQUIRED,
         .because = "it says where sequences start",
         .elements = (int64_t)args->batch + 1,
         .shape = "batch + 1"},
        {.name = "leftpad",
         .data = args->leftpad,
         .element_size = sizeof(int32_t),
         .presence = VARLEN_OPTIONAL,
         .elements = args->batch,
         .shape = "batch"},
    };
    VARLEN_TRY(varlen_check_arrays(arrays, VARLEN_COUNT_OF(arrays), &extents));
    return varlen_check_overlaps(&extents);
}
