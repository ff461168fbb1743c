/* Threads, warps, atomic operations and functions of numbers. */
#ifndef VARLEN_TESTS_PLATFORM_DEVICE_CONTRACT_H
#define VARLEN_TESTS_PLATFORM_DEVICE_CONTRACT_H

#include "contract.h"

#include "call/quantized.h"

namespace device_contract
{

constexpr int THREADS = 128;
constexpr int BLOCKS = 5;

/* Each (block, thread) comes once. */
GPU_KERNEL(THREADS, 1) places(GPU_ARGUMENTS(contract_memory) memory)
{
    int32_t *count = (int32_t *)memory.target; /* -1 */
    const int32_t place = block_index() * THREADS + thread_index();
    contract_expect(memory, place, 0, (float)atomic_add(&count[place], (int32_t)1), -1.0f);
    contract_expect(memory, place, 1, (float)grid_blocks(), (float)BLOCKS);
}

GPU_KERNEL(THREADS, 1) barriers(GPU_ARGUMENTS(contract_memory) memory)
{
    int32_t *numbers = (int32_t *)shared_memory();
    for (int32_t round = 0; round < 3; round++) {
        numbers[thread_index()] = 1000 * round + thread_index();
        block_barrier();
        const int32_t other = (thread_index() + THREADS / 2 + 1) % THREADS;
        contract_expect(memory, round, thread_index(), (float)numbers[other], (float)(1000 * round + other));
        block_barrier();
        const int32_t neighbour = thread_index() / WARP * WARP + (thread_index() + 3) % WARP;
        numbers[thread_index()] = -thread_index();
        warp_barrier();
        contract_expect(memory, round, -1, (float)numbers[neighbour], (float)-neighbour);
        block_barrier();
    }
}

GPU_KERNEL(THREADS, 1) warps(GPU_ARGUMENTS(contract_memory) memory)
{
    const int32_t thread = thread_index();
    for (int32_t mask = 1; mask < WARP; mask *= 2) {
        contract_expect(memory, mask, thread, (float)warp_xor(thread, mask), (float)(thread ^ mask));
        contract_expect(memory, -mask, thread, warp_xor((float)thread * 0.5f, mask), (float)(thread ^ mask) * 0.5f);
    }
    contract_expect(memory, 0, thread, (float)warp_first(thread), (float)(thread / WARP * WARP));
    contract_expect(memory, 1, thread, warp_any(thread == WARP + 1) ? 1.0f : 0.0f, thread / WARP == 1 ? 1.0f : 0.0f);
}

GPU_KERNEL(THREADS, 1) atomics(GPU_ARGUMENTS(contract_memory) memory)
{
    char *shared = shared_memory();
    int32_t *sum = (int32_t *)shared;
    float *sum_of_floats = (float *)(shared + 4);
    int32_t *exchanged = (int32_t *)(shared + 8);
    uint64_t *sum_of_longs = (uint64_t *)(shared + 16);
    uint64_t *least = (uint64_t *)(shared + 24);
    int32_t *largest = (int32_t *)(shared + 32);
    float *four = (float *)memory.target;
    if (thread_index() == 0) {
        *sum = 0;
        *sum_of_floats = 0.0f;
        *exchanged = -1;
        *sum_of_longs = 0;
        *least = ~(uint64_t)0;
        *largest = -3;
        for (int i = 0; i < 4; i++)
            four[i] = 0.0f;
    }
    block_barrier();
    atomic_add(sum, thread_index());
    atomic_add(sum_of_floats, 0.5f);
    atomic_add(sum_of_longs, (uint64_t)1 << 33);
    atomic_min(least, ((uint64_t)7 << 40) - (uint64_t)thread_index());
    atomic_max(largest, thread_index() - 2);
    const float values[4] = {1.0f, 2.0f, 3.0f, (float)thread_index()};
    atomic_add_4(four, values);
    const int32_t before = atomic_exchange(exchanged, thread_index());
    contract_expect(memory, 0, thread_index(), before != thread_index() && before >= -1 ? 1.0f : 0.0f, 1.0f);
    fence();
    block_barrier();
    constexpr int32_t all = THREADS * (THREADS - 1) / 2;
    contract_expect(memory, 1, 0, (float)*sum, (float)all);
    contract_expect(memory, 2, 0, *sum_of_floats, THREADS * 0.5f);
    contract_expect(memory, 3, 0, (float)(*sum_of_longs >> 33), (float)THREADS);
    contract_expect(memory, 4, 0, (float)(int32_t)(((uint64_t)7 << 40) - *least), (float)(THREADS - 1));
    for (int i = 0; i < 4; i++)
        contract_expect(memory, 5, i, four[i], i < 3 ? (float)((i + 1) * THREADS) : (float)all);
    contract_expect(memory, 6, 0, (float)*largest, (float)(THREADS - 3));
}

GPU_DEVICE float near_enough(float got, float exact, float ulps)
{
    const float distance = got > exact ? got - exact : exact - got;
    const float size = exact < 0.0f ? -exact : exact;
    return distance <= size * ulps * 0x1p-23f ? 1.0f : 0.0f;
}

/* Of values whose results are known exactly. */
GPU_KERNEL(THREADS, 1) numbers(GPU_ARGUMENTS(contract_memory) memory)
{
    const int32_t power = thread_index() - 63;
    const float two = exp2_fast((float)power);
    float exact = 1.0f;
    for (int32_t i = 0; i < power || i < -power; i++)
        exact *= power > 0 ? 2.0f : 0.5f;
    contract_expect(memory, 0, power, near_enough(two, exact, 2.0f), 1.0f);
    contract_expect(memory, 1, power, near_enough(reciprocal(exact), 1.0f / exact, 2.0f), 1.0f);
    contract_expect(memory, 2, power, near_enough(log2_accurate(exact), (float)power, 4.0f), 1.0f);
    contract_expect(memory, 3, 0, exp2_fast(-__builtin_inff()), 0.0f);
    contract_expect(memory, 4, 0, near_enough(tanh_accurate(0.5f), 0.46211716f, 5.0f), 1.0f);
    contract_expect(memory, 4, 1, near_enough(tanh_accurate(-1.5f), -0.90514825f, 5.0f), 1.0f);
    contract_expect(memory, 4, 2, tanh_accurate(40.0f), 1.0f);
    contract_expect(memory, 5, 0, (float)multiply_high(0x80000000u, (uint32_t)thread_index() * 2),
                    (float)thread_index());
}

template <typename T> GPU_DEVICE T element_of_bits(uint16_t bits)
{
    union {
        uint16_t bits;
        T element;
    } both = {bits};
    return both.element;
}

template <typename T> GPU_DEVICE float bits_of_element(T element)
{
    return (float)*(const uint16_t *)&element;
}

/* Every element is its own rounding, halfway to its neighbour goes to the even one, and pairs are rounded alike. */
template <typename T> GPU_KERNEL(THREADS, 1) rounding(GPU_ARGUMENTS(contract_memory) memory)
{
    for (int32_t bits = thread_index(); bits < 0x10000; bits += THREADS) {
        const float value = to_float(element_of_bits<T>((uint16_t)bits));
        if (value != value)
            continue;
        contract_expect(memory, bits, 0, bits_of_element(from_float<T>(value)), (float)bits);
        contract_expect(memory, bits, 1, (float)(element_pair<T>(value, 1.0f) & 0xffff), (float)bits);
        contract_expect(memory, bits, 2, (float)(element_pair<T>(1.0f, value) >> 16), (float)bits);
        if ((bits & 0x7fff) == 0x7fff)
            continue;
        const float above = to_float(element_of_bits<T>((uint16_t)(bits + 1)));
        if (above - above == 0.0f && value - value == 0.0f)
            contract_expect(memory, bits, 3, bits_of_element(from_float<T>(value + (above - value) * 0.5f)),
                            (float)(bits + (bits & 1)));
    }
}

GPU_DEVICE bool same(float a, float b)
{
    return a == b || (a != a && b != b);
}

/* One of two elements. */
template <typename T> GPU_DEVICE float element_of_pair(uint32_t pair, int32_t upper)
{
    return to_float(element_of_bits<T>((uint16_t)(upper ? pair >> 16 : pair)));
}

/* Of every element beside another: denormals too. */
template <typename T> GPU_KERNEL(THREADS, 1) pairs(GPU_ARGUMENTS(contract_memory) memory)
{
    const uint32_t others = element_pair<T>(0.75f, -4.0f);
    for (int32_t bits = thread_index(); bits < 0x10000; bits += THREADS) {
        const uint32_t pair = (uint32_t)bits << 16 | (uint32_t)(0xffff - bits);
        const uint32_t sums = add_pairs<T>(pair, others);
        const uint32_t products = multiply_pairs<T>(others, pair);
        for (int32_t upper = 0; upper < 2; upper++) {
            const float a = element_of_pair<T>(pair, upper), b = element_of_pair<T>(others, upper);
            contract_expect(memory, bits, upper, same(element_of_pair<T>(sums, upper), to_float(from_float<T>(a + b))),
                            1.0f);
            contract_expect(memory, bits, 2 + upper,
                            same(element_of_pair<T>(products, upper), to_float(from_float<T>(a * b))), 1.0f);
        }
    }
}

GPU_DEVICE float power_of_two(int32_t power)
{
    float x = 1.0f;
    for (int32_t i = 0; i < power || i < -power; i++)
        x *= power > 0 ? 2.0f : 0.5f;
    return x;
}

/* What a byte stands for: docs/semantics.md. */
GPU_DEVICE float number_of_byte(uint32_t byte, int32_t dtype)
{
    if (dtype == VARLEN_INT8)
        return (float)(int8_t)byte;
    const int32_t fraction = dtype == VARLEN_FLOAT8_E4M3 ? 3 : 2;
    const int32_t bias = (1 << (6 - fraction)) - 1;
    const int32_t exponent = (int32_t)(byte & 0x7f) >> fraction;
    const int32_t rest = (int32_t)byte & ((1 << fraction) - 1);
    const float sign = byte & 0x80 ? -1.0f : 1.0f;
    const bool nan = dtype == VARLEN_FLOAT8_E4M3 ? (byte & 0x7f) == 0x7f : exponent == 31 && rest != 0;
    if (nan || (dtype == VARLEN_FLOAT8_E5M2 && exponent == 31))
        return nan ? __builtin_nanf("") : sign * __builtin_inff();
    return exponent == 0 ? sign * (float)rest * power_of_two(1 - bias - fraction)
                         : sign * (float)(rest + (1 << fraction)) * power_of_two(exponent - bias - fraction);
}

/* Every byte, alone among others without and with a number. */
template <typename T> GPU_KERNEL(THREADS, 1) widened(GPU_ARGUMENTS(contract_memory) memory)
{
    const int32_t dtypes[] = {VARLEN_FLOAT8_E4M3, VARLEN_FLOAT8_E5M2, VARLEN_INT8};
    for (int32_t byte = thread_index(); byte < 0x100; byte += THREADS) {
        const uint32_t low = (uint32_t)byte | 0x7f018000u, high = (uint32_t)byte << 24 | 0x00387cc1u;
        for (int32_t n = 0; n < 3; n++) {
            const words_16 elements = widen<T>(low, high, widening_of<T>(dtypes[n]));
            for (int32_t i = 0; i < 8; i++) {
                const float got = element_of_pair<T>(elements.word[i / 2], i % 2);
                const float want = number_of_byte((i < 4 ? low : high) >> i % 4 * 8 & 0xff, dtypes[n]);
                contract_expect(memory, byte, 8 * n + i, same(got, want), 1.0f);
            }
        }
    }
}

} // namespace device_contract

#endif
