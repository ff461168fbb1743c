/* Host memory that is given back all at once; see memory_pool.h. */
#include "memory_pool.h"

#include <stdlib.h>

struct memory_block {
    memory_block *older;
    max_align_t data[];
};

void *memory_take(memory_pool *pool, int64_t count, size_t size)
{
    memory_block *block = calloc(1, sizeof *block + (size_t)count * size);
    if (!block)
        pool->exhausted(pool->user);
    block->older = pool->newest;
    pool->newest = block;
    return block->data;
}

void memory_free(memory_pool *pool)
{
    while (pool->newest) {
        memory_block *block = pool->newest;
        pool->newest = block->older;
        free(block);
    }
}
