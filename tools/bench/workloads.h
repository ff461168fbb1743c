/* What `varlen bench` measures: batches of sequences with their heads, dims and mask. */
#ifndef VARLEN_TOOLS_BENCH_WORKLOADS_H
#define VARLEN_TOOLS_BENCH_WORKLOADS_H

#include <stdbool.h>
#include <stdint.h>
#include <varlen/varlen.h>

#include "bench/row_masks.h"

typedef struct bench_workload {
    const char *name;
    const int32_t *lengths; /* [batch]: keys of each sequence; NULL = `length` each */
    int32_t length;
    int32_t batch;
    int32_t queries; /* of each sequence, at its end; 0 = as many as it has keys */
    int32_t q_heads;
    int32_t kv_heads;
    int32_t head_dim;
    int32_t value_dim;
    varlen_mask mask;  /* full or causal */
    int32_t chunk;     /* attention_chunk; 0 = none */
    bench_rows rows;   /* what each row sees of that */
    int32_t page_size; /* 0 = keys and values are packed */
    bool for_host;     /* the size suits processors; else accelerators */
    bool leftpad;      /* packed slots of the longest length, with what is not used at their start */
    bool shared_keys;  /* every sequence's keys are the first ones of the longest, by key_starts */
    bool positions;    /* query_positions are given, though they are those of the alignment */
} bench_workload;

int bench_workload_count(void);
const bench_workload *bench_workload_at(int index);

/* Whether a comma list of words picks the name: a word that is a whole name picks that one alone, any other word picks
 * the names that it is part of. */
bool bench_workload_picked(const bench_workload *workload, const char *words);

/* The first word of the list that picks nothing, copied to `word`; false if there is none. */
bool bench_workload_unknown_word(const char *words, char *word, int size);

int32_t bench_keys(const bench_workload *workload, int32_t sequence);
int32_t bench_queries(const bench_workload *workload, int32_t sequence);

/* What calls bring besides q, k, v and lengths: VARLEN_FEATURE_*. */
uint64_t bench_features(const bench_workload *workload);

/* Of a sequence. */
int64_t bench_visible_pairs(const bench_workload *workload, int32_t sequence);

/* Sums over the batch; of shared keys, each counts once. */
int64_t bench_total_keys(const bench_workload *workload);
int64_t bench_total_queries(const bench_workload *workload);

/* Multiplications and additions over the visible pairs only; a backward pass counts as 2.5 forward passes. */
double bench_flops(const bench_workload *workload, varlen_pass pass);

/* The fewest bytes that can go through memory: every operand once. Forward reads q, k and v, and writes out and lse;
 * backward reads q, k, v, out, dout and lse, and writes dq, dk and dv. */
double bench_bytes(const bench_workload *workload, varlen_dtype dtype, varlen_pass pass);

#endif
