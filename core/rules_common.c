/* Argument rules that several calls share: numbers, dimensions, paging, arrays. */
#include "rules_common.h"

#include <inttypes.h>

#include "checked_size.h"
#include "vocabulary.h"

varlen_status varlen_check_ranges(const varlen_range *ranges, size_t count)
{
    for (const varlen_range *range = ranges; range < ranges + count; range++) {
        VARLEN_RULE(range->value >= range->lowest, INVALID_ARGUMENT, "%s = %" PRId64 " is below %" PRId64, range->name,
                    range->value, range->lowest);
        VARLEN_RULE(range->value <= range->highest, INVALID_ARGUMENT, "%s = %" PRId64 " is above %" PRId64, range->name,
                    range->value, range->highest);
    }
    return VARLEN_OK;
}

varlen_status varlen_check_reserved(int32_t reserved)
{
    /* Never an option: backends that were built before would not look at it. Other numbers were never set. */
    VARLEN_RULE(reserved == 0, INVALID_ARGUMENT, "reserved = %d must be 0", reserved);
    return VARLEN_OK;
}

varlen_status varlen_check_dtype(const char *name, varlen_dtype dtype)
{
    VARLEN_RULE(varlen_dtype_name(dtype), INVALID_ARGUMENT, "%s = %d is not a varlen_dtype", name, (int)dtype);
    /* Sums would have nowhere to be rounded to, and queries and results no scales. */
    VARLEN_RULE(!varlen_dtype_is_quantized(dtype), INVALID_ARGUMENT, "%s = %s is a dtype of keys and values alone",
                name, varlen_dtype_name(dtype));
    return VARLEN_OK;
}

varlen_status varlen_check_kv_dtype(const char *name, varlen_dtype dtype)
{
    VARLEN_RULE(varlen_dtype_name(dtype), INVALID_ARGUMENT, "%s = %d is not a varlen_dtype", name, (int)dtype);
    VARLEN_RULE(dtype == 0 || varlen_dtype_is_quantized(dtype), INVALID_ARGUMENT,
                "%s = %s is neither 0 nor a dtype of keys and values alone: float8_e4m3, float8_e5m2, int8", name,
                varlen_dtype_name(dtype));
    return VARLEN_OK;
}

varlen_status varlen_check_kv_dim(const char *name, int32_t dim, varlen_dtype kv_dtype)
{
    /* Rows are read in pieces of 16 bytes. */
    VARLEN_RULE(kv_dtype == 0 || dim % 16 == 0, INVALID_ARGUMENT, "%s = %d is not a multiple of 16, which %s takes",
                name, dim, varlen_dtype_name(kv_dtype));
    return VARLEN_OK;
}

varlen_status varlen_check_dim(const char *name, int32_t dim)
{
    const varlen_range range = {name, dim, 8, INT32_MAX}; /* backends have limits of their own */
    VARLEN_TRY(varlen_check_ranges(&range, 1));
    /* Rows are read in pieces of 16 bytes, and 8 elements of the smallest dtype are that. */
    VARLEN_RULE(dim % 8 == 0, INVALID_ARGUMENT, "%s = %d is not a multiple of 8", name, dim);
    return VARLEN_OK;
}

varlen_status varlen_check_paging(const varlen_paging *paging)
{
    const int32_t page_size = paging->page_size;
    const varlen_range ranges[] = {
        {"page_size", page_size, 0, INT32_MAX},
        {"page_table_width", paging->page_table_width, 0, INT32_MAX}, /* 0: no sequence has keys yet */
        {"page_count", paging->page_count, 0, INT64_MAX},
        {"total_k", paging->total_k, 0, INT32_MAX}, /* cu_seqlens_k is 32 bits wide */
    };
    VARLEN_TRY(varlen_check_ranges(ranges, VARLEN_COUNT_OF(ranges)));
    /* Both ways of saying how many keys there are, or half of one, is a mistake that must not pick one silently. */
    VARLEN_RULE(page_size == 0 || paging->total_k == 0, INVALID_ARGUMENT,
                "total_k = %" PRId64 " must be 0 with paging (page_size = %d)", paging->total_k, page_size);
    VARLEN_RULE(page_size > 0 || paging->page_table_width == 0, INVALID_ARGUMENT,
                "page_table_width = %d must be 0 without paging (page_size = 0)", paging->page_table_width);
    VARLEN_RULE(page_size > 0 || paging->page_count == 0, INVALID_ARGUMENT,
                "page_count = %" PRId64 " must be 0 without paging (page_size = 0)", paging->page_count);
    return VARLEN_OK;
}

static varlen_status check_length(const varlen_array *array)
{
    const int64_t bytes = varlen_size_product(array->elements, array->element_size);
    uintptr_t end;
    VARLEN_RULE(bytes < VARLEN_SIZE_TOO_LARGE &&
                    !__builtin_add_overflow((uintptr_t)array->data, (uintptr_t)bytes, &end),
                INVALID_ARGUMENT, "%s = %p, of %s elements, goes past the end of the address space", array->name,
                array->data, array->shape);
    return VARLEN_OK;
}

varlen_status varlen_check_arrays(const varlen_array *arrays, size_t count, varlen_extents *extents)
{
    for (const varlen_array *array = arrays; array < arrays + count; array++) {
        VARLEN_RULE(array->presence != VARLEN_REQUIRED || array->data, INVALID_ARGUMENT, "%s is NULL, but %s",
                    array->name, array->because);
        VARLEN_RULE(array->presence != VARLEN_ABSENT || !array->data, INVALID_ARGUMENT, "%s is given, but %s",
                    array->name, array->because);
        if (!array->data)
            continue;
        VARLEN_RULE((uintptr_t)array->data % (uintptr_t)array->element_size == 0, INVALID_ARGUMENT,
                    "%s = %p is not aligned to its elements' %" PRId64 " bytes", array->name, array->data,
                    array->element_size);
        VARLEN_TRY(check_length(array));
        varlen_extents_add(extents, array->name, array->data, array->elements * array->element_size, array->written);
    }
    return VARLEN_OK;
}
