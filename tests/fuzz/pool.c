/* The memory of the oracle and its like: one piece that every run uses anew, in place of a pool that allocates. */
#include "finding.h"

#include "conformance/memory_pool.h"

#include <string.h>

enum { CAPACITY = 32 << 20 };

static _Alignas(64) unsigned char memory[CAPACITY];
static size_t used;

void *memory_take(memory_pool *pool, int64_t count, size_t size)
{
    (void)pool;
    const size_t bytes = ((size_t)count * size + 63) / 64 * 64;
    if (bytes > CAPACITY - used)
        finding("the oracle takes more memory than it has: %zu bytes more", bytes);
    void *taken = memory + used;
    used += bytes;
    memset(taken, 0, bytes);
    return taken;
}

void memory_free(memory_pool *pool)
{
    (void)pool;
    used = 0;
}
