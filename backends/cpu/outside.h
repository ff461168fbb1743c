/* Rows that belong to no sequence: they are written too. */
#ifndef VARLEN_CPU_OUTSIDE_H
#define VARLEN_CPU_OUTSIDE_H

#include <varlen/varlen.h>

typedef struct cpu_row_range {
    int64_t begin;
    int64_t end;
} cpu_row_range;

/* Where the sequences of a batch lie on one side, among queries or among keys. A batch of 0 has no slots: all rows are
 * a gap. */
typedef struct cpu_slots {
    const int32_t *cu_seqlens;
    const int32_t *seqused; /* NULL: whole slots */
    const int32_t *leftpad; /* NULL: none */
    int32_t batch;
    int64_t total;
} cpu_slots;

/* Gap number 0 .. batch - 1: the unused end of that sequence's slot; with leftpad, batch .. 2 * batch - 1: the padding
 * before it; from there on: pieces of what follows the last slot. Empty past the last gap. */
cpu_row_range cpu_gap(const cpu_slots *slots, int64_t number);

/* Of such gaps. */
int64_t cpu_gap_count(const cpu_slots *slots);
int64_t cpu_gap_rows(const cpu_slots *slots);

/* Rows of every head = 0. */
void cpu_clear_rows(const varlen_tensor *tensor, varlen_dtype dtype, int32_t heads, int32_t dim, cpu_row_range rows);

/* Rows of every head of lse[heads][total] = -infinity. */
void cpu_clear_lse(float *lse, int32_t heads, int64_t total, cpu_row_range rows);

#endif
