/* What a problem of attention comes to: visible pairs of a query and a key, operations, bytes. */
#ifndef VARLEN_TOOLS_WORK_H
#define VARLEN_TOOLS_WORK_H

#include <stdbool.h>
#include <stdint.h>
#include <varlen/varlen.h>

/* Of one sequence. */
int64_t visible_pairs_of(const varlen_attention *attention, int64_t queries, int64_t keys);

/* Sums over a batch. */
typedef struct attention_work {
    int64_t queries;
    int64_t keys;
    int64_t visible_pairs;
    bool v_in_k; /* values are columns of the keys, which are read once for both */
} attention_work;

/* Multiplications and additions over the visible pairs only; a backward pass counts as 2.5 forward passes. */
double work_flops(const varlen_attention *attention, const attention_work *work, varlen_pass pass);

/* Bytes of the tensors that the pass reads and writes, each once: a bound from below, metadata left out. */
double work_bytes(const varlen_attention *attention, const attention_work *work, varlen_pass pass);

#endif
