/* The rules of merge, cu_seqlens, pack and unpack, each with its reason. */
#include "rules_around.h"

#include <inttypes.h>

#include "rules_common.h"
#include "rules_tensor.h"
#include "structs.h"

static varlen_status check_reserved(int32_t reserved)
{
    VARLEN_RULE(reserved == 0, INVALID_ARGUMENT, "reserved = %d must be 0", reserved); /* a later release's option */
    return VARLEN_OK;
}

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
    VARLEN_TRY(varlen_check_dim("value_dim", args->value_dim, 256));
    return check_reserved(args->reserved);
}

static varlen_status check_merge_lse(varlen_merge_args *args)
{
    const int64_t dense = args->heads * args->tokens;
    const varlen_array arrays[] = {
        {"partial_lse", args->partial_lse, sizeof(float), args->tokens > 0 ? VARLEN_REQUIRED : VARLEN_OPTIONAL,
         "it weighs the parts"},
        {"lse", args->lse, sizeof(float), VARLEN_OPTIONAL, NULL},
    };
    VARLEN_TRY(varlen_check_arrays(arrays, VARLEN_COUNT_OF(arrays)));
    if (args->partial_lse_stride == 0)
        args->partial_lse_stride = dense;
    /* lse may be one of the parts, which must then not reach into the next. */
    VARLEN_RULE(args->partial_lse_stride >= dense, INVALID_ARGUMENT,
                "partial_lse_stride = %" PRId64 " is below heads * tokens = %" PRId64, args->partial_lse_stride, dense);
    int64_t bytes;
    VARLEN_RULE(
        !__builtin_mul_overflow(args->partial_lse_stride, (int64_t)args->parts * (int64_t)sizeof(float), &bytes),
        INVALID_ARGUMENT, "partial_lse_stride = %" PRId64 " times parts = %d is past the end of the address space",
        args->partial_lse_stride, args->parts);
    return VARLEN_OK;
}

varlen_status varlen_check_merge(const varlen_merge_args *given, varlen_merge_args *args)
{
    VARLEN_TRY(varlen_struct_read(VARLEN_STRUCT_MERGE_ARGS, given, args));
    VARLEN_TRY(check_merge_sizes(args));
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
    VARLEN_TRY(varlen_check_stacked_tensor(&partial, &args->partial_out, &args->partial_out_stride));
    VARLEN_TRY(varlen_check_tensor(&out, &args->out));
    return check_merge_lse(args);
}

varlen_status varlen_check_cu_seqlens(int32_t batch, const int32_t *lengths, const int32_t *cu_seqlens)
{
    const varlen_range range = {"batch", batch, 0, INT32_MAX};
    VARLEN_TRY(varlen_check_ranges(&range, 1));
    const varlen_array arrays[] = {
        {"lengths", lengths, sizeof(int32_t), batch > 0 ? VARLEN_REQUIRED : VARLEN_OPTIONAL, "it is what is summed"},
        {"cu_seqlens", cu_seqlens, sizeof(int32_t), VARLEN_REQUIRED, "it is the output"},
    };
    VARLEN_TRY(varlen_check_arrays(arrays, VARLEN_COUNT_OF(arrays)));
    /* Sums have one element more than lengths: in place, each would overwrite the next length. */
    const uintptr_t bytes = (uintptr_t)batch * sizeof(int32_t);
    const bool apart = (uintptr_t)cu_seqlens >= (uintptr_t)lengths + bytes ||
                       (uintptr_t)lengths >= (uintptr_t)cu_seqlens + bytes + sizeof(int32_t);
    VARLEN_RULE(batch == 0 || apart, INVALID_ARGUMENT, "cu_seqlens = %p overlaps lengths = %p",
                (const void *)cu_seqlens, (const void *)lengths);
    return VARLEN_OK;
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
    VARLEN_TRY(check_reserved(args->reserved));

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
    VARLEN_TRY(varlen_check_stacked_tensor(&padded, &args->padded, &args->padded_batch_stride));
    VARLEN_TRY(varlen_check_tensor(&packed, &args->packed));
    const varlen_array cu_seqlens = {"cu_seqlens", args->cu_seqlens, sizeof(int32_t), VARLEN_REQUIRED,
                                     "it says where sequences start"};
    return varlen_check_arrays(&cu_seqlens, 1);
}
