/* The rules of varlen_tensor: addresses, strides, extent, and rows of outputs that must not overlap. */
#include "rules_tensor.h"

#include <inttypes.h>
#include <stdio.h>

#include "rule.h"

/* One dimension of a tensor, but for the innermost. */
typedef struct dimension {
    char name[48]; /* "k.head_stride" */
    int64_t count;
    int64_t *stride;
    bool defaulted;
} dimension;

enum { MAX_DIMENSIONS = 3 };

/* Dense: as far from one step to the next as the dimension inside reaches. */
static varlen_status resolve_stride(const dimension *inner, int64_t dim, dimension *outer)
{
    if (*outer->stride != 0)
        return VARLEN_OK;
    outer->defaulted = true;
    if (!inner) {
        *outer->stride = dim;
        return VARLEN_OK;
    }
    VARLEN_RULE(!__builtin_mul_overflow(inner->count, *inner->stride, outer->stride), INVALID_ARGUMENT,
                "%s = %" PRId64 " times %" PRId64 " is above 2^63 - 1, and %s = 0 stands for that", inner->name,
                *inner->stride, inner->count, outer->name);
    return VARLEN_OK;
}

static varlen_status check_stride(const dimension *along, int64_t dim, int64_t element_size)
{
    const int64_t stride = *along->stride;
    const int64_t elements = 16 / element_size;
    if (along->defaulted)
        return VARLEN_OK;
    /* Below it, rows would share elements; below 0, offsets would leave the tensor at its front. */
    VARLEN_RULE(stride >= dim, INVALID_ARGUMENT, "%s = %" PRId64 " is below the dim = %" PRId64 " elements of a row",
                along->name, stride, dim);
    /* Rows are read and written in pieces of 16 bytes, which GPUs want aligned. */
    VARLEN_RULE(stride % elements == 0, INVALID_ARGUMENT,
                "%s = %" PRId64 " is not a multiple of 16 bytes (%" PRId64 " elements)", along->name, stride, elements);
    return VARLEN_OK;
}

static varlen_status check_address(const varlen_tensor_rule *rule, const varlen_tensor *tensor, bool empty)
{
    /* Frameworks hand out NULL for tensors without elements. */
    VARLEN_RULE(tensor->data || empty, INVALID_ARGUMENT, "%s.data is NULL, but %s is not empty", rule->name,
                rule->name);
    VARLEN_RULE((uintptr_t)tensor->data % 16 == 0, INVALID_ARGUMENT, "%s.data = %p is not aligned to 16 bytes",
                rule->name, tensor->data);
    return VARLEN_OK;
}

/* Offsets are computed in 64 bits; the last byte must be within their reach. */
static varlen_status check_extent(const varlen_tensor_rule *rule, const dimension *dimensions, int count,
                                  int64_t element_size, uintptr_t address)
{
    int64_t extent = rule->dim;
    bool overflow = false;
    for (int i = 0; i < count; i++) {
        int64_t reach;
        overflow |= __builtin_mul_overflow(dimensions[i].count - 1, *dimensions[i].stride, &reach);
        overflow |= __builtin_add_overflow(extent, reach, &extent);
    }
    overflow |= __builtin_mul_overflow(extent, element_size, &extent);
    uintptr_t end;
    overflow |= __builtin_add_overflow(address, (uintptr_t)extent, &end);
    VARLEN_RULE(!overflow, INVALID_ARGUMENT,
                "%s = %" PRId64 " (times %" PRId64 ") takes %s past the end of the address space",
                dimensions[count - 1].name, *dimensions[count - 1].stride, dimensions[count - 1].count, rule->name);
    return VARLEN_OK;
}

/* Rows that overlap would be written by two threads at once, and keep neither's result. Sorted by stride, each
 * dimension must step over all that lies inside it. Interleavings that are free of overlap in other ways are refused.
 */
static varlen_status check_overlap(const varlen_tensor_rule *rule, const dimension *dimensions, int count)
{
    const dimension *sorted[MAX_DIMENSIONS];
    for (int i = 0; i < count; i++) {
        int place = i;
        for (; place > 0 && *sorted[place - 1]->stride > *dimensions[i].stride; place--)
            sorted[place] = sorted[place - 1];
        sorted[place] = &dimensions[i];
    }
    int64_t extent = rule->dim;
    for (int i = 0; i < count; i++) {
        if (sorted[i]->count == 1)
            continue;
        VARLEN_RULE(*sorted[i]->stride >= extent, INVALID_ARGUMENT,
                    "%s = %" PRId64 " is below %" PRId64 ", so that rows of %s, which is written, overlap",
                    sorted[i]->name, *sorted[i]->stride, extent, rule->name);
        extent += (sorted[i]->count - 1) * *sorted[i]->stride;
    }
    return VARLEN_OK;
}

static varlen_status check_dimensions(const varlen_tensor_rule *rule, const varlen_tensor *tensor,
                                      dimension *dimensions, int count)
{
    const int64_t element_size = varlen_dtype_size(rule->dtype);
    bool empty = false;
    for (int i = 0; i < count; i++) {
        VARLEN_TRY(resolve_stride(i == 0 ? NULL : &dimensions[i - 1], rule->dim, &dimensions[i]));
        VARLEN_TRY(check_stride(&dimensions[i], rule->dim, element_size));
        empty = empty || dimensions[i].count == 0;
    }
    VARLEN_TRY(check_address(rule, tensor, empty));
    if (empty)
        return VARLEN_OK;
    VARLEN_TRY(check_extent(rule, dimensions, count, element_size, (uintptr_t)tensor->data));
    return rule->written ? check_overlap(rule, dimensions, count) : VARLEN_OK;
}

varlen_status varlen_check_tensor(const varlen_tensor_rule *rule, varlen_tensor *tensor)
{
    varlen_tensor_rule single = *rule;
    int64_t stride = 0;
    single.stride_name = NULL;
    single.count = 1;
    return varlen_check_stacked_tensor(&single, tensor, &stride);
}

varlen_status varlen_check_stacked_tensor(const varlen_tensor_rule *rule, varlen_tensor *tensor, int64_t *stride)
{
    dimension dimensions[MAX_DIMENSIONS] = {
        {.count = rule->heads, .stride = &tensor->head_stride},
        {.count = rule->tokens, .stride = &tensor->token_stride},
        {.count = rule->count, .stride = stride},
    };
    snprintf(dimensions[0].name, sizeof dimensions[0].name, "%s.head_stride", rule->name);
    snprintf(dimensions[1].name, sizeof dimensions[1].name, "%s.token_stride", rule->name);
    snprintf(dimensions[2].name, sizeof dimensions[2].name, "%s", rule->stride_name ? rule->stride_name : "");
    return check_dimensions(rule, tensor, dimensions, rule->stride_name ? MAX_DIMENSIONS : MAX_DIMENSIONS - 1);
}
