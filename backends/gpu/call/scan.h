/* Sums, running and whole, over the threads of a block or a warp. */
#ifndef VARLEN_GPU_SCAN_H
#define VARLEN_GPU_SCAN_H

#include "platform/device.h"

template <int THREADS, typename NUMBER = int32_t> struct block_scan_memory {
    NUMBER warp_sums[THREADS / WARP];
};

template <int THREADS> struct block_sum_memory {
    uint64_t warp_sums[THREADS / WARP];
};

template <typename NUMBER> struct block_sums {
    NUMBER before; /* of the threads before this one */
    NUMBER all;    /* of the block's threads, or the warp's */
};

/* Over the threads of a warp, by a butterfly: after each step, `all` is the sum of a group twice as wide, and `before`
 * of those of it that come before this thread. All threads of the warp call it. */
template <typename NUMBER> GPU_DEVICE block_sums<NUMBER> warp_scan(NUMBER value)
{
    block_sums<NUMBER> sums = {0, value};
#pragma unroll
    for (int32_t step = 1; step < WARP; step *= 2) {
        const NUMBER other = warp_xor(sums.all, step);
        sums.before += thread_index() & step ? other : 0;
        sums.all += other;
    }
    return sums;
}

/* The sum of the block's threads' values, which all of them call for and get. `memory` is free again behind the
 * caller's next barrier. */
template <int THREADS> GPU_DEVICE int64_t block_sum(block_sum_memory<THREADS> &memory, int64_t value)
{
    uint64_t sum = (uint64_t)value;
    if (warp_any(value != 0))
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
    return (int64_t)all;
}

/* As block_sum. */
template <int THREADS, typename NUMBER>
GPU_DEVICE block_sums<NUMBER> block_scan(block_scan_memory<THREADS, NUMBER> &memory, NUMBER value)
{
    const int32_t warp = thread_index() / WARP;
    const block_sums<NUMBER> own = warp_scan(value);
    if (thread_index() % WARP == 0)
        memory.warp_sums[warp] = own.all;
    block_barrier();
    block_sums<NUMBER> sums = {own.before, 0};
#pragma unroll
    for (int32_t w = 0; w < THREADS / WARP; w++) {
        sums.before += w < warp ? memory.warp_sums[w] : 0;
        sums.all += memory.warp_sums[w];
    }
    return sums;
}

#endif
