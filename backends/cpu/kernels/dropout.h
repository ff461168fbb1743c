/* Philox4x32-10 with one generator per lane, and the dropout mask made from it: see docs/semantics.md. */
#ifndef VARLEN_CPU_DROPOUT_H
#define VARLEN_CPU_DROPOUT_H

#include "kernels/columns.h"

typedef uint64_t vlong __attribute__((vector_size(VECTOR_BYTES)));

/* 64-bit products of the even lanes of a with `factor`. */
static inline vlong dropout_multiply_even(vuint a, uint32_t factor)
{
#if defined(__AVX512F__)
    return (vlong)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64(factor));
#elif defined(__AVX2__)
    return (vlong)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(factor));
#elif defined(__SSE2__)
    return (vlong)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x(factor));
#else
    return ((vlong)a & 0xffffffffu) * factor;
#endif
}

typedef struct dropout_product {
    vuint high;
    vuint low;
} dropout_product;

static inline dropout_product dropout_multiply(vuint a, uint32_t factor)
{
    vlong even = dropout_multiply_even(a, factor);
    vlong odd = dropout_multiply_even((vuint)((vlong)a >> 32), factor);
    return (dropout_product){.high = (vuint)((even >> 32) | (odd & ~(uint64_t)0xffffffffu)),
                             .low = (vuint)((even & 0xffffffffu) | (odd << 32))};
}

typedef struct dropout_words {
    vuint word[4];
} dropout_words;

static inline dropout_words dropout_philox(dropout_words counter, philox_key key)
{
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        dropout_product first = dropout_multiply(counter.word[0], PHILOX_MULTIPLIER_0);
        dropout_product second = dropout_multiply(counter.word[2], PHILOX_MULTIPLIER_1);
        counter = (dropout_words){{second.high ^ counter.word[1] ^ key.word[0], second.low,
                                   first.high ^ counter.word[3] ^ key.word[1], first.low}};
        key.word[0] += PHILOX_KEY_STEP_0;
        key.word[1] += PHILOX_KEY_STEP_1;
    }
    return counter;
}

/* What the dropout of one sequence needs to know. */
typedef struct dropout_rule {
    philox_key key;
    uint32_t threshold; /* words below it are dropped; 0: no dropout */
    uint32_t sequence;
} dropout_rule;

static inline dropout_rule dropout_rule_of(const cpu_inputs *inputs, const cpu_sequence *sequence)
{
    return (dropout_rule){.key = inputs->dropout_key,
                          .threshold = (uint32_t)((double)inputs->attention->dropout_p * 0x1p32),
                          .sequence = (uint32_t)sequence->index};
}

/* Among values[end - begin][PANEL], which belong to keys begin .. end - 1: clears those that are dropped, multiplies
 * the others by `kept`. */
static inline void dropout_apply(float *values, const panel_columns *columns, const dropout_rule *rule, float kept,
                                 int32_t begin, int32_t end)
{
    for (int v = 0; v < columns->vectors; v++) {
        vuint query = (vuint)vector_load_int(columns->query + v * LANES);
        vuint head = (vuint)vector_load_int(columns->head + v * LANES);
        for (int32_t four = begin / 4; four * 4 < end; four++) {
            dropout_words words = {{vector_splat_uint((uint32_t)four), query, head, vector_splat_uint(rule->sequence)}};
            words = dropout_philox(words, rule->key);
            for (int32_t w = 0; w < 4; w++) {
                int32_t key = four * 4 + w;
                if (key < begin || key >= end)
                    continue;
                float *address = values + (int64_t)(key - begin) * PANEL + v * LANES;
                vint dropped = (vint)(words.word[w] < rule->threshold);
                vector_store(address, (vfloat)((vint)(vector_load(address) * kept) & ~dropped));
            }
        }
    }
}

#endif
