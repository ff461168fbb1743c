/* mbarriers, named barriers, and what orders accesses to shared memory: see backends/gpu/async_platform.h. For sm_90a.
 */
#ifndef VARLEN_CUDA_BARRIERS_H
#define VARLEN_CUDA_BARRIERS_H

#include "platform/device.h"

GPU_DEVICE uint32_t shared_address(const void *address)
{
    return (uint32_t)__cvta_generic_to_shared(address);
}

template <typename T> GPU_DEVICE void shared_store(T *address, T value)
{
    *address = value;
}

GPU_DEVICE void fence_shared()
{
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

struct alignas(8) arrival_barrier {
    uint64_t state;

    GPU_DEVICE void create(int arrivals)
    {
        asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(this)), "r"(arrivals) : "memory");
    }

    GPU_DEVICE void arrive()
    {
        asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(this)) : "memory");
    }

    GPU_DEVICE void expect(int bytes)
    {
        asm volatile("mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [%0], %1;" ::"r"(shared_address(this)), "r"(bytes)
                     : "memory");
    }

    GPU_DEVICE void arrive_and_expect(int bytes)
    {
        asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(this)), "r"(bytes)
                     : "memory");
    }

    /* Each look sleeps for a while, unless the phase has ended. */
    GPU_DEVICE void wait(int parity)
    {
        uint32_t ended = 0;
        while (!ended)
            asm volatile("{\n"
                         ".reg .pred ended;\n"
                         "mbarrier.try_wait.parity.shared::cta.b64 ended, [%1], %2;\n"
                         "selp.b32 %0, 1, 0, ended;\n"
                         "}"
                         : "=r"(ended)
                         : "r"(shared_address(this)), "r"(parity)
                         : "memory");
    }
};

GPU_DEVICE void barriers_created()
{
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

GPU_DEVICE void named_barrier_wait(int number, int threads)
{
    asm volatile("bar.sync %0, %1;" ::"r"(number), "r"(threads) : "memory");
}

GPU_DEVICE void named_barrier_arrive(int number, int threads)
{
    asm volatile("bar.arrive %0, %1;" ::"r"(number), "r"(threads) : "memory");
}

GPU_DEVICE bool elect_one()
{
    uint32_t elected;
    asm volatile("{\n"
                 ".reg .pred elected;\n"
                 "elect.sync _|elected, 0xffffffff;\n"
                 "selp.b32 %0, 1, 0, elected;\n"
                 "}"
                 : "=r"(elected));
    return elected != 0;
}

template <int REGISTERS> GPU_DEVICE void registers_shrink()
{
    static_assert(REGISTERS % 8 == 0 && REGISTERS >= 24 && REGISTERS <= 256, "what setmaxnreg takes");
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(REGISTERS));
}

template <int REGISTERS> GPU_DEVICE void registers_grow()
{
    static_assert(REGISTERS % 8 == 0 && REGISTERS >= 24 && REGISTERS <= 256, "what setmaxnreg takes");
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(REGISTERS));
}

#endif
