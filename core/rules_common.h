/* Argument rules that several calls share: numbers, dimensions, paging, arrays. */
#ifndef VARLEN_CORE_RULES_COMMON_H
#define VARLEN_CORE_RULES_COMMON_H

#include <stdbool.h>

#include "extents.h"
#include "rule.h"

/* A number and the range it must lie in, bounds inclusive. */
typedef struct varlen_range {
    const char *name;
    int64_t value;
    int64_t lowest;
    int64_t highest;
} varlen_range;

varlen_status varlen_check_ranges(const varlen_range *ranges, size_t count);

/* A field that keeps the place of none. */
varlen_status varlen_check_reserved(int32_t reserved);

/* Of tensors that are computed with. */
varlen_status varlen_check_dtype(const char *name, varlen_dtype dtype);

/* kv_dtype and cache_dtype: 0, or one that is of keys and values alone. */
varlen_status varlen_check_kv_dtype(const char *name, varlen_dtype dtype);

/* A dim of keys or values: whole pieces of 16 bytes, whatever their dtype. */
varlen_status varlen_check_kv_dim(const char *name, int32_t dim, varlen_dtype kv_dtype);

/* head_dim and value_dim: multiples of 8, at least 8. */
varlen_status varlen_check_dim(const char *name, int32_t dim);

/* The paging fields of varlen_attention and varlen_kv_append_args. */
typedef struct varlen_paging {
    int32_t page_size;
    int32_t page_table_width;
    int64_t page_count;
    int64_t total_k;
} varlen_paging;

varlen_status varlen_check_paging(const varlen_paging *paging);

/* An array of numbers in device memory. */
typedef enum varlen_presence {
    VARLEN_OPTIONAL, /* NULL means something */
    VARLEN_REQUIRED, /* NULL is refused */
    VARLEN_ABSENT    /* anything but NULL is refused: the call would not look at it */
} varlen_presence;

typedef struct varlen_array {
    const char *name;
    const void *data;
    int64_t element_size; /* bytes, and its alignment */
    varlen_presence presence;
    const char *because; /* completes "<name> is NULL, but" or "<name> is given, but"; NULL if optional */
    int64_t elements;
    const char *shape; /* what `elements` is made of, "batch * page_table_width" */
    bool written;
} varlen_array;

/* Adds those that are given to `extents`. */
varlen_status varlen_check_arrays(const varlen_array *arrays, size_t count, varlen_extents *extents);

#define VARLEN_COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

#endif
