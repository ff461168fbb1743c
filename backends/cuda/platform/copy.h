/* cp.async: from global to shared memory while the block goes on. See backends/gpu/platform.h. */
#ifndef VARLEN_CUDA_COPY_H
#define VARLEN_CUDA_COPY_H

#include "platform/device.h"

GPU_DEVICE void copy_16(void *to, const void *from, bool valid)
{
    uint32_t address = (uint32_t)__cvta_generic_to_shared(to);
    int bytes = valid ? 16 : 0; /* the rest of the 16 are zeros */
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(address), "l"(from), "r"(bytes)
                 : "memory");
}

GPU_DEVICE void copy_16(void *to, const void *from)
{
    uint32_t address = (uint32_t)__cvta_generic_to_shared(to);
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16;" ::"r"(address), "l"(from) : "memory");
}

GPU_DEVICE void copies_commit()
{
    asm volatile("cp.async.commit_group;" ::: "memory");
}

template <int GROUPS> GPU_DEVICE void copies_wait()
{
    asm volatile("cp.async.wait_group %0;" ::"n"(GROUPS) : "memory");
}

/* The hardware keeps track of what is under way. */
template <int PIECES, int SQUARES, bool HELD_BACK> struct copy_batch {
    static_assert(SQUARES == 0 && !HELD_BACK, "copies arrive when they like, and as they are");

    GPU_DEVICE void copy(int, void *to, const void *from)
    {
        copy_16(to, from);
    }
    GPU_DEVICE void copy(int, void *to, const void *from, bool valid)
    {
        copy_16(to, from, valid);
    }
    GPU_DEVICE void begun()
    {
        copies_commit();
    }
    template <int LATER> GPU_DEVICE void finish()
    {
        copies_wait<LATER>();
    }
};

/* By cp.async, to a place in shared memory that is the thread's own: nobody else need wait. */
template <int PIECES, int THREADS> struct fetched_pieces {
    static constexpr int BYTES = PIECES * THREADS * 16;

    char *own;

    GPU_DEVICE explicit fetched_pieces(char *memory) : own(memory + thread_index() * 16)
    {
    }
    GPU_DEVICE void fetch(int number, const void *from, bool valid)
    {
        copy_16(own + number * THREADS * 16, from, valid);
    }
    GPU_DEVICE void begun()
    {
        copies_commit();
    }
    GPU_DEVICE void wait()
    {
        copies_wait<0>();
    }
    GPU_DEVICE words_16 piece(int number) const
    {
        return load_16(own + number * THREADS * 16);
    }
};

#endif
