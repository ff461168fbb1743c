/* Which rows a sequence has, and which keys a query sees: docs/semantics.md as functions. */
#ifndef NAIVE_SEQUENCES_H
#define NAIVE_SEQUENCES_H

#include <stdbool.h>
#include <varlen/backend.h>

/* Of one sequence: its rows in q and out, and its keys, packed or paged. */
typedef struct sequence {
    const varlen_attention *attention;
    const varlen_inputs *inputs;
    int32_t index;   /* in the batch */
    int64_t first_q; /* row of its first query */
    int64_t first_k; /* row of its slot's first key; paged: 0 */
    int64_t queries;
    int64_t keys;
    int64_t skipped; /* keys at the start of the slot that are padding */
} sequence;

sequence sequence_of(const varlen_attention *attention, const varlen_inputs *inputs, int32_t index);

/* Elements from the start of k (v) to key j of kv head h. */
int64_t key_offset(const sequence *of, const varlen_tensor *tensor, int64_t page_stride, int64_t j, int32_t h);

/* Whether query i sees key j. */
bool sees(const sequence *of, int64_t i, int64_t j);

/* What ALiBi takes off the score of head h. */
double alibi(const sequence *of, int32_t h, int64_t i, int64_t j);

#endif
