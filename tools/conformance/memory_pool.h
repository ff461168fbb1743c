/* Host memory that is given back all at once, so that code in the middle of a case need not tidy up. */
#ifndef VARLEN_TESTS_MEMORY_POOL_H
#define VARLEN_TESTS_MEMORY_POOL_H

#include <stddef.h>
#include <stdint.h>

typedef struct memory_block memory_block;

typedef struct memory_pool {
    memory_block *newest;
    void (*exhausted)(void *user); /* called where the host has no more memory; must not return */
    void *user;
} memory_pool;

/* `count` elements of `size` bytes, all zero, until memory_free. Never NULL. */
void *memory_take(memory_pool *pool, int64_t count, size_t size);

/* Everything that was taken. */
void memory_free(memory_pool *pool);

#endif
