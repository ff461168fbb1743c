/* Running sums over the threads of a block. */
#ifndef VARLEN_GPU_SCAN_H
#define VARLEN_GPU_SCAN_H

#include "platform.h"

template <int THREADS> struct block_scan_memory {
    int32_t sums[2][THREADS];
};

struct block_sums {
    int32_t before; /* of the threads before this one */
    int32_t all;
};

/* By doubling steps (Hillis and Steele, Data Parallel Algorithms, 1986). All threads of the block call it. */
template <int THREADS> GPU_DEVICE block_sums block_scan(block_scan_memory<THREADS> &memory, int32_t value)
{
    int32_t thread = thread_index();
    int32_t from = 0;
    memory.sums[from][thread] = value;
    block_barrier();
    for (int32_t step = 1; step < THREADS; step *= 2) {
        int32_t sum = memory.sums[from][thread];
        if (thread >= step)
            sum += memory.sums[from][thread - step];
        from = 1 - from;
        memory.sums[from][thread] = sum;
        block_barrier();
    }
    block_sums sums = {memory.sums[from][thread] - value, memory.sums[from][THREADS - 1]};
    block_barrier();
    return sums;
}

#endif
