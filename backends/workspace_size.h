/* How much workspace a problem needs, in bytes that cannot wrap. Products and sums stick at SIZE_MAX: what is too large
 * stays too large, whatever is added to it, and the problem is refused. For the host side of every backend here. */
#ifndef VARLEN_BACKENDS_WORKSPACE_SIZE_H
#define VARLEN_BACKENDS_WORKSPACE_SIZE_H

#include <varlen/backend.h>

#include <stddef.h>
#include <stdint.h>

static inline size_t size_product(size_t a, size_t b)
{
    size_t product;
    return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}

static inline size_t size_sum(size_t a, size_t b)
{
    size_t sum;
    return __builtin_add_overflow(a, b, &sum) ? SIZE_MAX : sum;
}

/* The next multiple of a power of two, which SIZE_MAX has none of. */
static inline size_t size_round_up(size_t size, size_t multiple)
{
    const size_t sum = size_sum(size, multiple - 1);
    return sum == SIZE_MAX ? SIZE_MAX : sum & ~(multiple - 1);
}

/* No memory is larger than what differences of pointers can tell. */
static inline varlen_status workspace_check(const varlen_host *host, const varlen_attention *attention, size_t size)
{
    if (size <= PTRDIFF_MAX)
        return VARLEN_OK;
    return host->fail(VARLEN_ERROR_UNSUPPORTED,
                      "batch = %d with total_q = %lld, total_k = %lld, q_heads = %d, kv_heads = %d, head_dim = %d and "
                      "value_dim = %d needs a workspace that is larger than the address space",
                      attention->batch, (long long)attention->total_q, (long long)attention->total_k,
                      attention->q_heads, attention->kv_heads, attention->head_dim, attention->value_dim);
}

#endif
