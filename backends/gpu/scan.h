/* Running sums over the threads of a block. */
#ifndef VARLEN_GPU_SCAN_H
#define VARLEN_GPU_SCAN_H

#include "platform.h"

template <int THREADS> struct block_scan_memory {
    int32_t warp_sums[THREADS / WARP];
};

struct block_sums {
    int32_t before; /* of the threads before this one */
    int32_t all;
};

/* Within warps by a butterfly: after each step, `all` is the sum of a group twice as wide, and `before` of those of it
 * that come before this thread. All threads of the block call it. */
template <int THREADS> GPU_DEVICE block_sums block_scan(block_scan_memory<THREADS> &memory, int32_t value)
{
    const int32_t lane = thread_index() % WARP;
    const int32_t warp = thread_index() / WARP;
    int32_t before = 0;
    int32_t all = value;
#pragma unroll
    for (int32_t step = 1; step < WARP; step *= 2) {
        int32_t other = warp_xor(all, step);
        before += lane & step ? other : 0;
        all += other;
    }
    if (lane == 0)
        memory.warp_sums[warp] = all;
    block_barrier();
    block_sums sums = {before, 0};
#pragma unroll
    for (int32_t w = 0; w < THREADS / WARP; w++) {
        sums.before += w < warp ? memory.warp_sums[w] : 0;
        sums.all += memory.warp_sums[w];
    }
    block_barrier();
    return sums;
}

#endif
