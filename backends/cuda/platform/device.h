/* Inside a CUDA kernel: see backends/gpu/platform.h. */
#ifndef VARLEN_CUDA_DEVICE_H
#define VARLEN_CUDA_DEVICE_H

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <stdint.h>

#include "architecture.h"

#define GPU_DEVICE __device__ __forceinline__
#define GPU_KERNEL(threads, blocks) __global__ void __launch_bounds__(threads, blocks)
#define GPU_ARGUMENTS(type) const __grid_constant__ type

#ifdef __CUDA_ARCH__
constexpr int CODE_CAPABILITY = __CUDA_ARCH__ / 10;
#else
constexpr int CODE_CAPABILITY = 80; /* the host's pass, which compiles no kernel */
#endif
static_assert(has_architecture(CODE_CAPABILITY), "platform/architectures.h has no row for this code");
constexpr int ARCHITECTURE = find_architecture(CODE_CAPABILITY)->number;
constexpr int WARP = 32;

using float16 = __half;
using bfloat16 = __nv_bfloat16;

GPU_DEVICE int32_t thread_index()
{
    return (int32_t)threadIdx.x;
}

GPU_DEVICE int32_t block_index()
{
    return (int32_t)blockIdx.x;
}

GPU_DEVICE int32_t grid_blocks()
{
    return (int32_t)gridDim.x;
}

GPU_DEVICE void block_barrier()
{
    __syncthreads();
}

GPU_DEVICE void warp_barrier()
{
    __syncwarp();
}

GPU_DEVICE char *shared_memory()
{
    extern __shared__ __align__(1024) char bytes[];
    return bytes;
}

template <typename T> GPU_DEVICE T warp_xor(T value, int mask)
{
    return __shfl_xor_sync(0xffffffffu, value, mask);
}

template <typename T> GPU_DEVICE T warp_first(T value)
{
    return __shfl_sync(0xffffffffu, value, 0);
}

GPU_DEVICE bool warp_any(bool condition)
{
    return __any_sync(0xffffffffu, condition);
}

GPU_DEVICE int32_t atomic_add(int32_t *address, int32_t value)
{
    return atomicAdd(address, value);
}

GPU_DEVICE uint64_t atomic_add(uint64_t *address, uint64_t value)
{
    return atomicAdd((unsigned long long *)address, (unsigned long long)value);
}

GPU_DEVICE float atomic_add(float *address, float value)
{
    return atomicAdd(address, value);
}

GPU_DEVICE void atomic_min(uint64_t *address, uint64_t value)
{
    atomicMin((unsigned long long *)address, (unsigned long long)value);
}

GPU_DEVICE void atomic_max(int32_t *address, int32_t value)
{
    atomicMax(address, value);
}

GPU_DEVICE void atomic_add_4(float *address, const float (&values)[4])
{
#if __CUDA_ARCH__ >= 900
    asm volatile("red.global.add.v4.f32 [%0], {%1, %2, %3, %4};" ::"l"(address), "f"(values[0]), "f"(values[1]),
                 "f"(values[2]), "f"(values[3])
                 : "memory");
#else
    for (int i = 0; i < 4; i++)
        atomicAdd(address + i, values[i]);
#endif
}

GPU_DEVICE void let_next_kernel_start()
{
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

GPU_DEVICE void wait_for_earlier_kernel()
{
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

GPU_DEVICE void fence()
{
    __threadfence();
}

GPU_DEVICE void fence_system()
{
    __threadfence_system();
}

GPU_DEVICE int32_t atomic_exchange(int32_t *address, int32_t value)
{
    return atomicExch(address, value);
}

GPU_DEVICE int32_t load_volatile(const int32_t *address)
{
    return *(const volatile int32_t *)address;
}

GPU_DEVICE void store_volatile(int32_t *address, int32_t value)
{
    *(volatile int32_t *)address = value;
}

struct alignas(16) words_16 {
    uint32_t word[4];
};

GPU_DEVICE void store_16(void *address, const words_16 &words)
{
    *(uint4 *)address = make_uint4(words.word[0], words.word[1], words.word[2], words.word[3]);
}

GPU_DEVICE words_16 load_16(const void *address)
{
    uint4 words = *(const uint4 *)address;
    return {{words.x, words.y, words.z, words.w}};
}

GPU_DEVICE float exp2_fast(float x)
{
    float result;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
    return result;
}

GPU_DEVICE float log2_accurate(float x)
{
    return log2f(x);
}

GPU_DEVICE float reciprocal(float x)
{
    return __frcp_rn(x);
}

GPU_DEVICE float tanh_accurate(float x)
{
    return tanhf(x);
}

GPU_DEVICE uint32_t multiply_high(uint32_t a, uint32_t b)
{
    return __umulhi(a, b);
}

template <typename T> GPU_DEVICE T from_float(float value);

template <> GPU_DEVICE float16 from_float<float16>(float value)
{
    return __float2half_rn(value);
}

template <> GPU_DEVICE bfloat16 from_float<bfloat16>(float value)
{
    return __float2bfloat16_rn(value);
}

template <> GPU_DEVICE float from_float<float>(float value)
{
    return value;
}

GPU_DEVICE float to_float(float16 value)
{
    return __half2float(value);
}

GPU_DEVICE float to_float(bfloat16 value)
{
    return __bfloat162float(value);
}

GPU_DEVICE float to_float(float value)
{
    return value;
}

template <typename T> GPU_DEVICE uint32_t element_pair(float low, float high);

template <> GPU_DEVICE uint32_t element_pair<float16>(float low, float high)
{
    uint32_t pair;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}

template <> GPU_DEVICE uint32_t element_pair<bfloat16>(float low, float high)
{
    uint32_t pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}

template <typename T> GPU_DEVICE uint32_t add_pairs(uint32_t a, uint32_t b);
template <typename T> GPU_DEVICE uint32_t multiply_pairs(uint32_t a, uint32_t b);

template <> GPU_DEVICE uint32_t add_pairs<float16>(uint32_t a, uint32_t b)
{
    uint32_t sums;
    asm("add.f16x2 %0, %1, %2;" : "=r"(sums) : "r"(a), "r"(b));
    return sums;
}

template <> GPU_DEVICE uint32_t multiply_pairs<float16>(uint32_t a, uint32_t b)
{
    uint32_t products;
    asm("mul.f16x2 %0, %1, %2;" : "=r"(products) : "r"(a), "r"(b));
    return products;
}

/* Of bfloat16, devices before 9.0 have but the one operation. */
GPU_DEVICE uint32_t multiply_add_pairs(uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t result;
    asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(c));
    return result;
}

template <> GPU_DEVICE uint32_t add_pairs<bfloat16>(uint32_t a, uint32_t b)
{
    constexpr uint32_t ones = 0x3f803f80;
    return multiply_add_pairs(a, ones, b);
}

template <> GPU_DEVICE uint32_t multiply_pairs<bfloat16>(uint32_t a, uint32_t b)
{
    constexpr uint32_t minus_zeros = 0x80008000;
    return multiply_add_pairs(a, b, minus_zeros);
}

/* A selector of 8 more is the byte's sign, eight times. */
GPU_DEVICE uint32_t signed_bytes(uint32_t word, bool upper)
{
    const uint32_t selectors = upper ? 0xb3a2 : 0x9180;
    uint32_t pair;
    asm("prmt.b32 %0, %1, 0, %2;" : "=r"(pair) : "r"(word), "r"(selectors));
    return pair;
}

#endif
