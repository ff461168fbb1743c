/* A workload of `varlen bench` on the device: memory, data and metadata. */
#ifndef VARLEN_TOOLS_BENCH_PROBLEM_H
#define VARLEN_TOOLS_BENCH_PROBLEM_H

#include <stdbool.h>
#include <varlen/varlen.h>

#include "bench/workloads.h"
#include "reason.h"

typedef enum bench_buffer {
    BUFFER_Q,
    BUFFER_K,
    BUFFER_V,
    BUFFER_DOUT,
    BUFFER_OUT,
    BUFFER_LSE,
    BUFFER_DQ,
    BUFFER_DK,
    BUFFER_DV,
    BUFFER_CU_SEQLENS_Q,
    BUFFER_CU_SEQLENS_K,
    BUFFER_SEQUSED_K,
    BUFFER_PAGE_TABLE,
    BUFFER_LEFTPAD, /* of queries and keys */
    BUFFER_KEY_BEGIN,
    BUFFER_KEY_END,
    BUFFER_QUERY_POSITIONS,
    BUFFER_KEY_STARTS,
    BUFFER_TREE_MASK,
    BUFFER_WORKSPACE,
    BUFFER_COUNT
} bench_buffer;

typedef struct bench_problem {
    varlen_context *context;
    varlen_attention attention;
    varlen_pass pass;
    void *buffers[BUFFER_COUNT]; /* device memory; NULL = this problem has none */
    size_t workspace_size;       /* of the larger pass */
} bench_problem;

/* The problem without its data. */
varlen_attention bench_attention(const bench_workload *workload, varlen_dtype dtype);

/* Allocates and fills what the pass needs; the same random data each time. On failure there is nothing to close. */
bool bench_problem_open(varlen_context *context, const bench_workload *workload, varlen_dtype dtype, varlen_pass pass,
                        bench_problem *problem, reason *why);
void bench_problem_close(bench_problem *problem);

varlen_status bench_problem_forward(const bench_problem *problem);
varlen_status bench_problem_backward(const bench_problem *problem); /* needs the results of forward */

#endif
