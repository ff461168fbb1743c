/* What a problem of attention comes to: visible pairs of a query and a key, operations, bytes. */
#ifndef VARLEN_TOOLS_WORK_H
#define VARLEN_TOOLS_WORK_H

#include <stdint.h>
#include <varlen/varlen.h>

/* What hides more keys from rows than the problem does: an element for each row; NULL where it is not given. */
typedef struct row_masks {
    const int32_t *key_begin;
    const int32_t *key_end;
    const uint64_t *tree_mask;
} row_masks;

/* How many keys of a sequence its query at `position` sees; `rows` begins with its own. */
int64_t visible_keys_of(const varlen_attention *attention, int64_t position, int64_t queries, int64_t keys,
                        const row_masks *rows);

/* Of one sequence, with whose first query `rows` begins. */
int64_t visible_pairs_of(const varlen_attention *attention, int64_t queries, int64_t keys, const row_masks *rows);

/* The same where the first query stands at `position`, whatever the alignment. */
int64_t visible_pairs_at(const varlen_attention *attention, int64_t position, int64_t queries, int64_t keys,
                         const row_masks *rows);

/* Sums over a batch. */
typedef struct attention_work {
    int64_t queries;
    int64_t keys;
    int64_t visible_pairs;
} attention_work;

/* Multiplications and additions over the visible pairs only; a backward pass counts as 2.5 forward passes. */
double work_flops(const varlen_attention *attention, const attention_work *work, varlen_pass pass);

/* Bytes of the tensors that the pass reads and writes, each once: a bound from below, metadata left out. */
double work_bytes(const varlen_attention *attention, const attention_work *work, varlen_pass pass);

#endif
