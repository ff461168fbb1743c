/* Inside a kernel that runs on the CPU: see backends/gpu/platform.h. */
#ifndef VARLEN_SIMT_DEVICE_H
#define VARLEN_SIMT_DEVICE_H

#include "architecture.h"
#include "elements.h"
#include "machine.h"

#include <math.h>
#include <stdint.h>

#define GPU_DEVICE inline
#define GPU_KERNEL(threads, blocks) inline void
#define GPU_ARGUMENTS(type) const type

constexpr int WARP = simt_warp;
constexpr int ARCHITECTURE = GPU_ARCHITECTURES[0].number;

using float16 = simt_float16;
using bfloat16 = simt_bfloat16;

GPU_DEVICE int32_t thread_index()
{
    return simt_current->index;
}

GPU_DEVICE int32_t block_index()
{
    return simt_current->block->index;
}

GPU_DEVICE int32_t grid_blocks()
{
    return simt_current->block->blocks;
}

GPU_DEVICE void block_barrier()
{
    simt_barrier();
}

GPU_DEVICE char *shared_memory()
{
    return simt_current->block->shared;
}

template <typename T> struct simt_exchange {
    T value;
    int other; /* lane */
    T result;

    static void complete(void *const (&arguments)[WARP])
    {
        for (void *argument : arguments) {
            simt_exchange *exchange = (simt_exchange *)argument;
            exchange->result = ((const simt_exchange *)arguments[exchange->other])->value;
        }
    }
};

template <typename T> GPU_DEVICE T warp_xor(T value, int mask)
{
    simt_require(mask > 0 && mask < WARP, "warp_xor: the mask is not 1 .. WARP - 1");
    simt_exchange<T> exchange = {value, thread_index() % WARP ^ mask, {}};
    simt_meet("warp_xor", simt_exchange<T>::complete, &exchange);
    return exchange.result;
}

template <typename T> GPU_DEVICE T warp_first(T value)
{
    simt_exchange<T> exchange = {value, 0, {}};
    simt_meet("warp_first", simt_exchange<T>::complete, &exchange);
    return exchange.result;
}

inline void simt_complete_any(void *const (&arguments)[WARP])
{
    bool any = false;
    for (void *argument : arguments)
        any = any || *(const bool *)argument;
    for (void *argument : arguments)
        *(bool *)argument = any;
}

GPU_DEVICE void warp_barrier()
{
    bool condition = false;
    simt_meet("warp_barrier", simt_complete_any, &condition);
}

GPU_DEVICE bool warp_any(bool condition)
{
    simt_meet("warp_any", simt_complete_any, &condition);
    return condition;
}

/* Threads change places only where they wait: what stands between is atomic. Others run before an atomic operation, so
 * that its order among theirs is not always the same. */
template <typename T> GPU_DEVICE T atomic_add(T *address, T value)
{
    simt_yield();
    T before = *address;
    *address = before + value;
    return before;
}

GPU_DEVICE void atomic_min(uint64_t *address, uint64_t value)
{
    simt_yield();
    if (value < *address)
        *address = value;
}

GPU_DEVICE void atomic_max(int32_t *address, int32_t value)
{
    simt_yield();
    if (value > *address)
        *address = value;
}

GPU_DEVICE int32_t atomic_exchange(int32_t *address, int32_t value)
{
    simt_yield();
    int32_t before = *address;
    *address = value;
    return before;
}

GPU_DEVICE void atomic_add_4(float *address, const float (&values)[4])
{
    simt_require((uintptr_t)address % 16 == 0, "atomic_add_4: the address is not a multiple of 16");
    for (int i = 0; i < 4; i++)
        address[i] += values[i];
}

GPU_DEVICE void let_next_kernel_start()
{
}

GPU_DEVICE void wait_for_earlier_kernel()
{
}

GPU_DEVICE void fence()
{
}

/* The host may read along. */
GPU_DEVICE void fence_system()
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

GPU_DEVICE int32_t load_volatile(const int32_t *address)
{
    simt_yield();
    return __atomic_load_n(address, __ATOMIC_RELAXED);
}

GPU_DEVICE void store_volatile(int32_t *address, int32_t value)
{
    __atomic_store_n(address, value, __ATOMIC_RELAXED);
}

struct alignas(16) words_16 {
    uint32_t word[4];
};

GPU_DEVICE words_16 load_16(const void *address)
{
    return *(const words_16 *)address;
}

GPU_DEVICE void store_16(void *address, const words_16 &words)
{
    *(words_16 *)address = words;
    simt_wrote(address, 16);
}

GPU_DEVICE float exp2_fast(float x)
{
    return exp2f(x);
}

GPU_DEVICE float log2_accurate(float x)
{
    return log2f(x);
}

GPU_DEVICE float reciprocal(float x)
{
    return 1.0f / x;
}

GPU_DEVICE float tanh_accurate(float x)
{
    return tanhf(x);
}

GPU_DEVICE uint32_t multiply_high(uint32_t a, uint32_t b)
{
    return (uint32_t)((uint64_t)a * b >> 32);
}

template <typename T> GPU_DEVICE T from_float(float value)
{
    return simt_round<T>(value);
}

template <> GPU_DEVICE float from_float<float>(float value)
{
    return value;
}

GPU_DEVICE float to_float(float16 value)
{
    return simt_value(value);
}

GPU_DEVICE float to_float(bfloat16 value)
{
    return simt_value(value);
}

GPU_DEVICE float to_float(float value)
{
    return value;
}

template <typename T> GPU_DEVICE uint32_t element_pair(float low, float high)
{
    return simt_round<T>(low).bits | (uint32_t)simt_round<T>(high).bits << 16;
}

template <typename T> struct simt_pair {
    float low;
    float high;
};

template <typename T> inline simt_pair<T> simt_pair_of(uint32_t bits)
{
    return {simt_value(T{(uint16_t)bits}), simt_value(T{(uint16_t)(bits >> 16)})};
}

template <typename T> GPU_DEVICE uint32_t add_pairs(uint32_t a, uint32_t b)
{
    const simt_pair<T> x = simt_pair_of<T>(a), y = simt_pair_of<T>(b);
    return element_pair<T>(x.low + y.low, x.high + y.high);
}

template <typename T> GPU_DEVICE uint32_t multiply_pairs(uint32_t a, uint32_t b)
{
    const simt_pair<T> x = simt_pair_of<T>(a), y = simt_pair_of<T>(b);
    return element_pair<T>(x.low * y.low, x.high * y.high);
}

GPU_DEVICE uint32_t signed_bytes(uint32_t word, bool upper)
{
    const uint32_t two = upper ? word >> 16 : word;
    return (uint16_t)(int16_t)(int8_t)two | (uint32_t)(uint16_t)(int16_t)(int8_t)(two >> 8) << 16;
}

#endif
