/* Philox4x32-10, the counter-based generator behind dropout: see docs/semantics.md. Scalar form. */
#ifndef VARLEN_CPU_PHILOX_H
#define VARLEN_CPU_PHILOX_H

#include <stdint.h>

#define PHILOX_MULTIPLIER_0 0xD2511F53u
#define PHILOX_MULTIPLIER_1 0xCD9E8D57u
#define PHILOX_KEY_STEP_0 0x9E3779B9u
#define PHILOX_KEY_STEP_1 0xBB67AE85u
enum { PHILOX_ROUNDS = 10 };

typedef struct philox_key {
    uint32_t word[2];
} philox_key;

typedef struct philox_block {
    uint32_t word[4];
} philox_block;

static inline philox_block philox(philox_block counter, philox_key key)
{
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        uint64_t product_0 = (uint64_t)PHILOX_MULTIPLIER_0 * counter.word[0];
        uint64_t product_1 = (uint64_t)PHILOX_MULTIPLIER_1 * counter.word[2];
        counter = (philox_block){{(uint32_t)(product_1 >> 32) ^ counter.word[1] ^ key.word[0], (uint32_t)product_1,
                                  (uint32_t)(product_0 >> 32) ^ counter.word[3] ^ key.word[1], (uint32_t)product_0}};
        key.word[0] += PHILOX_KEY_STEP_0;
        key.word[1] += PHILOX_KEY_STEP_1;
    }
    return counter;
}

/* The key that all elements of one call share. */
static inline philox_key philox_call_key(uint64_t seed, uint64_t offset)
{
    philox_block counter = {{(uint32_t)offset, (uint32_t)(offset >> 32), 0, 0}};
    philox_key key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox_block block = philox(counter, key);
    return (philox_key){{block.word[0], block.word[1]}};
}

#endif
