/* Barriers that count, and what orders accesses to shared memory: see backends/gpu/async_platform.h. */
#ifndef VARLEN_SIMT_BARRIERS_H
#define VARLEN_SIMT_BARRIERS_H

#include "arrivals.h"
#include "platform/device.h"

GPU_DEVICE uint32_t shared_address(const void *address)
{
    return (uint32_t)((const char *)address - shared_memory());
}

template <typename T> GPU_DEVICE void shared_store(T *address, T value)
{
    simt_asynchronous().shared.offset(address, (int32_t)sizeof value, "shared_store");
    memcpy((void *)address, &value, sizeof value);
    simt_wrote(address, (int32_t)sizeof value);
}

GPU_DEVICE void fence_shared()
{
    simt_asynchronous().shared.fence();
}

struct alignas(8) arrival_barrier {
    uint64_t state;

    void create(int arrivals)
    {
        simt_barrier_create(this, arrivals);
    }
    void arrive()
    {
        simt_barrier_arrive(this, 0, true);
    }
    void expect(int bytes)
    {
        simt_barrier_arrive(this, bytes, false);
    }
    void arrive_and_expect(int bytes)
    {
        simt_barrier_arrive(this, bytes, true);
    }
    void wait(int parity)
    {
        simt_barrier_wait(this, parity);
    }
};

GPU_DEVICE void barriers_created()
{
    simt_barriers_created();
}

GPU_DEVICE void named_barrier_wait(int number, int threads)
{
    simt_named_arrive(number, threads, true);
}

GPU_DEVICE void named_barrier_arrive(int number, int threads)
{
    simt_named_arrive(number, threads, false);
}

GPU_DEVICE bool elect_one()
{
    return simt_elect_one();
}

template <int REGISTERS> GPU_DEVICE void registers_shrink()
{
    static_assert(REGISTERS % 8 == 0 && REGISTERS >= 24 && REGISTERS <= 256, "what setmaxnreg takes");
    simt_set_registers(REGISTERS, false);
}

template <int REGISTERS> GPU_DEVICE void registers_grow()
{
    static_assert(REGISTERS % 8 == 0 && REGISTERS >= 24 && REGISTERS <= 256, "what setmaxnreg takes");
    simt_set_registers(REGISTERS, true);
}

#endif
