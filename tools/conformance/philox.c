/* Philox4x32-10; see philox.h. */
#include "philox.h"

philox_words philox(philox_words counter, uint32_t key_low, uint32_t key_high)
{
    for (int round = 0; round < 10; round++) {
        uint64_t first = (uint64_t)0xD2511F53u * counter.at[0];
        uint64_t second = (uint64_t)0xCD9E8D57u * counter.at[2];
        counter = (philox_words){{(uint32_t)(second >> 32) ^ counter.at[1] ^ key_low, (uint32_t)second,
                                  (uint32_t)(first >> 32) ^ counter.at[3] ^ key_high, (uint32_t)first}};
        key_low += 0x9E3779B9u;
        key_high += 0xBB67AE85u;
    }
    return counter;
}

uint32_t philox_dropout_word(uint64_t seed, uint64_t offset, uint32_t sequence, uint32_t head, uint32_t i, uint32_t j)
{
    philox_words call = {{(uint32_t)offset, (uint32_t)(offset >> 32), 0, 0}};
    philox_words call_key = philox(call, (uint32_t)seed, (uint32_t)(seed >> 32));
    philox_words element = {{j / 4, i, head, sequence}};
    return philox(element, call_key.at[0], call_key.at[1]).at[j % 4];
}
