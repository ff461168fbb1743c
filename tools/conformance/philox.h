/* Philox4x32-10 and the dropout word of one softmax weight, as docs/semantics.md defines them. */
#ifndef VARLEN_TESTS_PHILOX_H
#define VARLEN_TESTS_PHILOX_H

#include <stdint.h>

typedef struct philox_words {
    uint32_t at[4];
} philox_words;

philox_words philox(philox_words counter, uint32_t key_low, uint32_t key_high);

/* The word of query `i` and key `j` in query head `head` of sequence `sequence`. */
uint32_t philox_dropout_word(uint64_t seed, uint64_t offset, uint32_t sequence, uint32_t head, uint32_t i, uint32_t j);

#endif
