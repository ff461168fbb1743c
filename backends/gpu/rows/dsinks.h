/* Gradients of sinks: a part for each chunk of query rows, then sums over the parts, always in the same order. */
#ifndef VARLEN_GPU_DSINKS_H
#define VARLEN_GPU_DSINKS_H

#include "call/query_row.h"
#include "plan/backward_arguments.h"

/* The part of a chunk of rows, for each head of the group. Rows are in order, whoever adds them. */
template <int THREADS>
GPU_DEVICE void find_dsink_parts(const backward_arguments &args, const row_chunk &chunk, int32_t kv_head,
                                 int64_t number, const float *lse, const float *delta)
{
    const gpu_problem &problem = args.problem;
    const int32_t group = (int32_t)problem.group.divisor;
    for (int32_t n = thread_index(); n < group; n += THREADS) {
        int32_t head = kv_head * group + n;
        float sink = problem.sinks[head] * gpu_log2e;
        float sum = 0.0f;
        for (int32_t row = 0; row < chunk.rows; row++)
            if (query_row_at(problem, kv_head, chunk.first_row + row).head == head && delta[row] != 0.0f)
                sum -= exp2_fast(fminf(sink - lse[row], 0.0f)) * delta[row];
        args.dsink_parts[head * args.row_chunks + number] = sum;
    }
}

/* dsinks of one head. Threads, then doubling strides: always the same order. */
template <int THREADS> GPU_DEVICE void finish_sink(const backward_arguments &args, int32_t head, float *shared)
{
    float sum = 0.0f;
    for (int64_t number = thread_index(); number < args.row_chunks; number += THREADS)
        sum += args.dsink_parts[head * args.row_chunks + number];
    shared[thread_index()] = sum;
    block_barrier();
    for (int step = THREADS / 2; step > 0; step /= 2) {
        if (thread_index() < step)
            shared[thread_index()] += shared[thread_index() + step];
        block_barrier();
    }
    if (thread_index() == 0)
        args.dsinks[head] = shared[0];
    block_barrier();
}

#endif
