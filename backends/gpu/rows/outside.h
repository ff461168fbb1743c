/* Rows of an output that belong to no sequence: they are written too, with zeros. */
#ifndef VARLEN_GPU_OUTSIDE_H
#define VARLEN_GPU_OUTSIDE_H

#include "call/problem.h"

/* An output over query rows or over key rows. */
struct gpu_output {
    gpu_tensor tensor;
    float *lse; /* NULL: none */
    int64_t total;
    int32_t heads;
    int32_t row_bytes; /* of one head, a multiple of 16 */
};

/* Clears row by row: the block's threads share the pieces of 16 bytes of all heads. */
GPU_DEVICE void clear_row(const gpu_output &output, int64_t row, int32_t threads)
{
    const int32_t pieces = output.row_bytes / 16;
    for (int32_t n = thread_index(); n < output.heads * pieces; n += threads) {
        int32_t head = n / pieces;
        store_16(tensor_row(output.tensor, row, head) + (n - head * pieces) * 16, {{0, 0, 0, 0}});
    }
    if (!output.lse)
        return;
    for (int32_t head = thread_index(); head < output.heads; head += threads)
        output.lse[head * output.total + row] = minus_infinity;
}

/* Rows begin .. end - 1, every `blocks`-th of them. */
GPU_DEVICE void clear_rows(const gpu_output &output, int64_t begin, int64_t end, int32_t block, int32_t blocks,
                           int32_t threads)
{
    for (int64_t row = begin + block; row < end; row += blocks)
        clear_row(output, row, threads);
}

/* The rows of slots that are not in use, and those behind the last slot. `padding` NULL: none. */
GPU_DEVICE void clear_gaps(const gpu_output &output, const int32_t *cu_seqlens, const int32_t *used,
                           const int32_t *padding, int32_t batch, int32_t threads)
{
    const int32_t block = block_index();
    const int32_t blocks = grid_blocks();
    clear_rows(output, cu_seqlens[batch], output.total, block, blocks, threads);
    for (int32_t b = block; b < batch && (used || padding); b += blocks) {
        if (used)
            clear_rows(output, (int64_t)cu_seqlens[b] + used[b], cu_seqlens[b + 1], 0, 1, threads);
        if (padding)
            clear_rows(output, cu_seqlens[b], (int64_t)cu_seqlens[b] + padding[b], 0, 1, threads);
    }
}

GPU_DEVICE void clear_output(const gpu_output &output, int32_t threads)
{
    clear_rows(output, 0, output.total, block_index(), grid_blocks(), threads);
}

#endif
