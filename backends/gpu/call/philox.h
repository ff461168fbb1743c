/* Philox4x32-10, the counter-based generator behind dropout: docs/semantics.md. */
#ifndef VARLEN_GPU_PHILOX_H
#define VARLEN_GPU_PHILOX_H

#include "platform/device.h"

struct philox_key {
    uint32_t word[2];
};

struct philox_words {
    uint32_t word[4];
};

GPU_DEVICE philox_words philox(philox_words counter, philox_key key)
{
    constexpr uint32_t multiplier_0 = 0xD2511F53u;
    constexpr uint32_t multiplier_1 = 0xCD9E8D57u;
    constexpr uint32_t key_step_0 = 0x9E3779B9u;
    constexpr uint32_t key_step_1 = 0xBB67AE85u;
    for (int round = 0; round < 10; round++) {
        uint32_t high_0 = multiply_high(multiplier_0, counter.word[0]);
        uint32_t high_1 = multiply_high(multiplier_1, counter.word[2]);
        uint32_t low_0 = multiplier_0 * counter.word[0];
        uint32_t low_1 = multiplier_1 * counter.word[2];
        counter = {{high_1 ^ counter.word[1] ^ key.word[0], low_1, high_0 ^ counter.word[3] ^ key.word[1], low_0}};
        key.word[0] += key_step_0;
        key.word[1] += key_step_1;
    }
    return counter;
}

/* The key that all elements of one call share. */
GPU_DEVICE philox_key philox_call_key(uint64_t seed, uint64_t offset)
{
    philox_words counter = {{(uint32_t)offset, (uint32_t)(offset >> 32), 0, 0}};
    philox_words words = philox(counter, {{(uint32_t)seed, (uint32_t)(seed >> 32)}});
    return {{words.word[0], words.word[1]}};
}

#endif
