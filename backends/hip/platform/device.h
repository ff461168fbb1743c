/* Inside a HIP kernel: see backends/gpu/platform.h. Written with the compiler's own builtins, so that neither HIP's
 * device headers nor its device libraries, which differ from release to release, have a part in it. */
#ifndef VARLEN_HIP_DEVICE_H
#define VARLEN_HIP_DEVICE_H

#include <hip/hip_runtime_api.h> /* the compiler wants hipLaunchKernel where it meets a kernel */
#include <stdint.h>

#include "architecture.h"

#define GPU_DEVICE inline __attribute__((device, always_inline))
#define GPU_KERNEL(threads, blocks)                                                                                    \
    __attribute__((global, amdgpu_flat_work_group_size(threads, threads),                                              \
                   amdgpu_waves_per_eu(waves_per_unit(threads, blocks)))) void
#define GPU_ARGUMENTS(type) const type

/* What the host computes does not go by these two: see with_architecture. */
#if defined(__GFX11__)
constexpr int ARCHITECTURE = 0x1100;
#elif defined(__gfx90a__)
constexpr int ARCHITECTURE = 0x90a;
#else
constexpr int ARCHITECTURE = 0x942;
#endif
constexpr int WARP = warp_threads(ARCHITECTURE);

/* A compute unit has four units with the vector registers of their own (RDNA: two pairs, of which a block uses one). */
constexpr unsigned waves_per_unit(int threads, int blocks)
{
    constexpr int units = WARP == 64 ? 4 : 2;
    return (unsigned)((threads / WARP * blocks + units - 1) / units);
}

using float16 = _Float16;

struct bfloat16 {
    uint16_t bits;
};

/* On RDNA, where registers are few, a number that the compiler takes for a new one: what is computed from it is not
 * kept from far outside a loop, where every product and copy would want registers for addresses of its own. */
GPU_DEVICE int32_t thread_index()
{
    int32_t index = (int32_t)__builtin_amdgcn_workitem_id_x();
#if defined(__GFX11__) || defined(__GFX12__)
    asm volatile("" : "+v"(index));
    __builtin_assume(index >= 0 && index < 1024);
#endif
    return index;
}

GPU_DEVICE int32_t block_index()
{
    return (int32_t)__builtin_amdgcn_workgroup_id_x();
}

/* By way of the packet that launched the kernel, at the places that the HSA standard gives: threads of the grid at byte
 * 12, of a block at byte 4. */
GPU_DEVICE int32_t grid_blocks()
{
    const char __attribute__((address_space(4))) *packet =
        (const char __attribute__((address_space(4))) *)__builtin_amdgcn_dispatch_ptr();
    const uint32_t grid = *(const uint32_t __attribute__((address_space(4))) *)(packet + 12);
    const uint32_t block = *(const uint16_t __attribute__((address_space(4))) *)(packet + 4);
    return (int32_t)(grid / block);
}

GPU_DEVICE void block_barrier()
{
    __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup");
    __builtin_amdgcn_s_barrier();
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
}

GPU_DEVICE void warp_barrier()
{
    __builtin_amdgcn_fence(__ATOMIC_RELEASE, "wavefront");
    __builtin_amdgcn_wave_barrier();
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "wavefront");
}

/* Keeps the compiler from mixing what follows with what comes before: it has no count of the registers that this
 * takes. */
GPU_DEVICE void finish_before_more()
{
    __builtin_amdgcn_sched_barrier(0);
}

extern __attribute__((shared, aligned(1024))) char hip_shared_bytes[];

GPU_DEVICE char *shared_memory()
{
    return hip_shared_bytes;
}

GPU_DEVICE int lane_index()
{
    return thread_index() % WARP;
}

GPU_DEVICE int32_t warp_xor(int32_t value, int mask)
{
    return __builtin_amdgcn_ds_bpermute((lane_index() ^ mask) * 4, value);
}

GPU_DEVICE float warp_xor(float value, int mask)
{
    return __builtin_bit_cast(float, warp_xor(__builtin_bit_cast(int32_t, value), mask));
}

GPU_DEVICE uint64_t warp_xor(uint64_t value, int mask)
{
    const uint32_t low = (uint32_t)warp_xor((int32_t)(uint32_t)value, mask);
    const uint32_t high = (uint32_t)warp_xor((int32_t)(uint32_t)(value >> 32), mask);
    return (uint64_t)high << 32 | low;
}

GPU_DEVICE int32_t warp_first(int32_t value)
{
    return __builtin_amdgcn_readfirstlane(value);
}

GPU_DEVICE bool warp_any(bool condition)
{
#if defined(__GFX11__) || defined(__GFX12__)
    return __builtin_amdgcn_ballot_w32(condition) != 0;
#elif __has_builtin(__builtin_amdgcn_ballot_w64)
    return __builtin_amdgcn_ballot_w64(condition) != 0;
#else /* clang 15 */
    constexpr int not_equal = 33;
    return __builtin_amdgcn_uicmp(condition, 0, not_equal) != 0;
#endif
}

template <typename T> GPU_DEVICE T atomic_add(T *address, T value)
{
    return __hip_atomic_fetch_add(address, value, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT);
}

GPU_DEVICE int32_t atomic_exchange(int32_t *address, int32_t value)
{
    return __hip_atomic_exchange(address, value, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT);
}

GPU_DEVICE void atomic_min(uint64_t *address, uint64_t value)
{
    __hip_atomic_fetch_min(address, value, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT);
}

GPU_DEVICE void atomic_max(int32_t *address, int32_t value)
{
    __hip_atomic_fetch_max(address, value, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT);
}

template <typename T> using in_global_memory = T __attribute__((address_space(1)));
template <typename T> using in_shared_memory = T __attribute__((address_space(3)));

GPU_DEVICE void atomic_add_4(float *address, const float (&values)[4])
{
    in_global_memory<float> *to = (in_global_memory<float> *)address;
#pragma unroll
    for (int i = 0; i < 4; i++)
        __hip_atomic_fetch_add(to + i, values[i], __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT);
}

/* Kernels do not overlap here. */
GPU_DEVICE void let_next_kernel_start()
{
}

GPU_DEVICE void wait_for_earlier_kernel()
{
}

GPU_DEVICE void fence()
{
    __builtin_amdgcn_fence(__ATOMIC_SEQ_CST, "agent");
}

GPU_DEVICE void fence_system()
{
    __builtin_amdgcn_fence(__ATOMIC_SEQ_CST, "");
}

GPU_DEVICE int32_t load_volatile(const int32_t *address)
{
    return __hip_atomic_load(address, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_SYSTEM);
}

GPU_DEVICE void store_volatile(int32_t *address, int32_t value)
{
    __hip_atomic_store(address, value, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_SYSTEM);
}

struct alignas(16) words_16 {
    uint32_t word[4];
};

GPU_DEVICE void store_16(void *address, const words_16 &words)
{
    *(words_16 *)address = words;
}

GPU_DEVICE words_16 load_16(const void *address)
{
    return *(const words_16 *)address;
}

GPU_DEVICE float exp2_fast(float x)
{
#if __has_builtin(__builtin_amdgcn_exp2f)
    return __builtin_amdgcn_exp2f(x);
#else
    return __builtin_exp2f(x);
#endif
}

GPU_DEVICE float log2_accurate(float x)
{
#if __has_builtin(__builtin_amdgcn_logf)
    return __builtin_amdgcn_logf(x);
#else
    return __builtin_log2f(x);
#endif
}

GPU_DEVICE float reciprocal(float x)
{
    return __builtin_amdgcn_rcpf(x);
}

/* tanh(x) = 1 - 2 / (exp(2 x) + 1), and near 0, where that loses digits, an odd polynomial (Cephes, tanhf). */
GPU_DEVICE float tanh_accurate(float x)
{
    const float size = __builtin_fabsf(x);
    const float square = x * x;
    float series = -5.70498872745e-3f;
    series = __builtin_fmaf(series, square, 2.06390887954e-2f);
    series = __builtin_fmaf(series, square, -5.37397155531e-2f);
    series = __builtin_fmaf(series, square, 1.33314422036e-1f);
    series = __builtin_fmaf(series, square, -3.33332819422e-1f);
    const float near = __builtin_fmaf(series * square, x, x);
    const float far = 1.0f - 2.0f * reciprocal(exp2_fast(size * 2.88539008f) + 1.0f); /* 2 log2(e) */
    return size < 0.625f ? near : __builtin_copysignf(far, x);
}

GPU_DEVICE uint32_t multiply_high(uint32_t a, uint32_t b)
{
    return (uint32_t)((uint64_t)a * b >> 32);
}

/* As in C: a NaN gives way to the other. */
GPU_DEVICE float fmaxf(float a, float b)
{
    return __builtin_fmaxf(a, b);
}

GPU_DEVICE float fminf(float a, float b)
{
    return __builtin_fminf(a, b);
}

/* Half of the last place of a bfloat16, less one where the number is even, carries into it; a NaN stays one since its
 * top bits alone would. */
GPU_DEVICE uint32_t rounded_bits(float value)
{
    const uint32_t bits = __builtin_bit_cast(uint32_t, value);
    return bits + 0x7fff + (bits >> 16 & 1);
}

template <typename T> GPU_DEVICE T from_float(float value);

template <> GPU_DEVICE float16 from_float<float16>(float value)
{
    return (float16)value;
}

template <> GPU_DEVICE bfloat16 from_float<bfloat16>(float value)
{
    return {(uint16_t)(rounded_bits(value) >> 16)};
}

template <> GPU_DEVICE float from_float<float>(float value)
{
    return value;
}

GPU_DEVICE float to_float(float16 value)
{
    return (float)value;
}

GPU_DEVICE float to_float(bfloat16 value)
{
    return __builtin_bit_cast(float, (uint32_t)value.bits << 16);
}

GPU_DEVICE float to_float(float value)
{
    return value;
}

template <typename T> GPU_DEVICE uint32_t element_pair(float low, float high);

template <> GPU_DEVICE uint32_t element_pair<float16>(float low, float high)
{
    typedef float16 pair __attribute__((ext_vector_type(2)));
    return __builtin_bit_cast(uint32_t, (pair){(float16)low, (float16)high});
}

/* The upper halves of two words; v_perm_b32 numbers the bytes of its second operand first. */
GPU_DEVICE uint32_t upper_halves(uint32_t low, uint32_t high)
{
    return __builtin_amdgcn_perm(high, low, 0x07060302);
}

GPU_DEVICE uint32_t lower_halves(uint32_t low, uint32_t high)
{
    return __builtin_amdgcn_perm(high, low, 0x05040100);
}

template <> GPU_DEVICE uint32_t element_pair<bfloat16>(float low, float high)
{
    return upper_halves(rounded_bits(low), rounded_bits(high));
}

template <typename T> GPU_DEVICE uint32_t add_pairs(uint32_t a, uint32_t b);
template <typename T> GPU_DEVICE uint32_t multiply_pairs(uint32_t a, uint32_t b);

typedef float16 float16_pair __attribute__((ext_vector_type(2)));

template <> GPU_DEVICE uint32_t add_pairs<float16>(uint32_t a, uint32_t b)
{
    return __builtin_bit_cast(uint32_t, __builtin_bit_cast(float16_pair, a) + __builtin_bit_cast(float16_pair, b));
}

template <> GPU_DEVICE uint32_t multiply_pairs<float16>(uint32_t a, uint32_t b)
{
    return __builtin_bit_cast(uint32_t, __builtin_bit_cast(float16_pair, a) * __builtin_bit_cast(float16_pair, b));
}

/* One of two bfloat16. */
GPU_DEVICE float lower_float(uint32_t pair)
{
    return __builtin_bit_cast(float, pair << 16);
}

GPU_DEVICE float upper_float(uint32_t pair)
{
    return __builtin_bit_cast(float, pair & 0xffff0000u);
}

template <> GPU_DEVICE uint32_t add_pairs<bfloat16>(uint32_t a, uint32_t b)
{
    return element_pair<bfloat16>(lower_float(a) + lower_float(b), upper_float(a) + upper_float(b));
}

template <> GPU_DEVICE uint32_t multiply_pairs<bfloat16>(uint32_t a, uint32_t b)
{
    return element_pair<bfloat16>(lower_float(a) * lower_float(b), upper_float(a) * upper_float(b));
}

GPU_DEVICE uint32_t signed_bytes(uint32_t word, bool upper)
{
    const uint32_t two = upper ? word >> 16 : word;
    const int32_t low = (int8_t)two;
    const int32_t high = (int8_t)(two >> 8);
    return lower_halves((uint32_t)low, (uint32_t)high);
}

#endif
