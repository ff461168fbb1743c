/* Sums, running and whole, over the threads of a block or a warp. */
#ifndef VARLEN_GPU_SCAN_H
#define VARLEN_GPU_SCAN_H

#include "platform/device.h"

template <int THREADS> struct block_scan_memory {
    int32_t warp_sums[THREADS / WARP];
};

template <int THREADS> struct block_sum_memory {
    uint64_t warp_sums[THREADS / WARP];
};

struct block_sums {
    int32_t before; /* of the threads before this one */
    int32_t all;    /* of the block's threads, or the warp's */
};

/* Over the threads of a warp, by a butterfly: after each step, `all` is the sum of a group twice as wide, and `before`
 * of those of it that come before this thread. All threads of the warp call it. */
GPU_DEVICE block_sums warp_scan(int32_t value)
{
    block_sums sums = {0, value};
#pragma unroll
    for (int32_t step = 1; step < WARP; step *= 2) {
        const int32_t other = warp_xor(sums.all, step);
        sums.before += thread_index() & step ? other : 0;
        sums.all += other;
    }
    return sums;
}

/* The sum of the block's threads' values, which all of them call for and get. */
template <int THREADS> GPU_DEVICE int64_t block_sum(block_sum_memory<THREADS> &memory, int64_t value)
{
    uint64_t sum = (uint64_t)value;
#pragma unroll
    for (int step = 1; step < WARP; step *= 2)
        sum += warp_xor(sum, step);
    if (thread_index() % WARP == 0)
        memory.warp_sums[thread_index() / WARP] = sum;
    block_barrier();
    uint64_t all = 0;
#pragma unroll
    for (int32_t w = 0; w < THREADS / WARP; w++)
        all += memory.warp_sums[w];
    block_barrier();
    return (int64_t)all;
}

/* All threads of the block call it. */
template <int THREADS> GPU_DEVICE block_sums block_scan(block_scan_memory<THREADS> &memory, int32_t value)
{
    const int32_t warp = thread_index() / WARP;
    const block_sums own = warp_scan(value);
    if (thread_index() % WARP == 0)
        memory.warp_sums[warp] = own.all;
    block_barrier();
    block_sums sums = {own.before, 0};
#pragma unroll
    for (int32_t w = 0; w < THREADS / WARP; w++) {
        sums.before += w < warp ? memory.warp_sums[w] : 0;
        sums.all += memory.warp_sums[w];
    }
    block_barrier();
    return sums;
}

#endif
