/* Sums and products of sizes, which are never negative. What does not fit in 63 bits becomes VARLEN_SIZE_TOO_LARGE and
 * stays it, but for a product with 0: more than any memory holds, so that whoever compares it with an address space
 * refuses it. */
#ifndef VARLEN_CORE_CHECKED_SIZE_H
#define VARLEN_CORE_CHECKED_SIZE_H

#include <stdint.h>

#define VARLEN_SIZE_TOO_LARGE INT64_MAX

static inline int64_t varlen_size_sum(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? VARLEN_SIZE_TOO_LARGE : sum;
}

static inline int64_t varlen_size_product(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? VARLEN_SIZE_TOO_LARGE : product;
}

#endif
