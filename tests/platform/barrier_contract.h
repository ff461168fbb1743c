/* Barriers that count arrivals, named barriers, one thread of a warp, registers. */
#ifndef VARLEN_TESTS_PLATFORM_BARRIER_CONTRACT_H
#define VARLEN_TESTS_PLATFORM_BARRIER_CONTRACT_H

#include "async_platform.h"
#include "contract.h"

namespace barrier_contract
{

constexpr int THREADS = 256;
constexpr int ROUNDS = 5;

GPU_DEVICE arrival_barrier *barriers_at(int bytes)
{
    return (arrival_barrier *)(shared_memory() + bytes);
}

/* All arrive and all wait, phase after phase: what was written before is there behind. */
GPU_KERNEL(THREADS, 1) phases(GPU_ARGUMENTS(contract_memory) memory)
{
    int32_t *numbers = (int32_t *)shared_memory();
    arrival_barrier &barrier = *barriers_at(4 * THREADS);
    if (thread_index() == 0) {
        barrier.create(THREADS);
        barriers_created();
    }
    block_barrier();
    barrier.wait(1); /* as if there were a phase before the first */
    for (int32_t round = 0; round < 2 * ROUNDS; round += 2) {
        numbers[thread_index()] = 1000 * round + thread_index();
        barrier.arrive();
        barrier.wait(0);
        const int32_t other = (thread_index() + THREADS / 2 + 1) % THREADS;
        contract_expect(memory, round, thread_index(), (float)numbers[other], (float)(1000 * round + other));
        barrier.arrive();
        barrier.wait(1);
    }
}

/* A ring of two places between one warp and the others: full[] expects bytes, empty[] has an arrival of each warp. */
GPU_KERNEL(THREADS, 1) ring(GPU_ARGUMENTS(contract_memory) memory)
{
    constexpr int PLACES = 2;
    constexpr int ELEMENTS = 1024;
    constexpr int BYTES = 2 * ELEMENTS;
    constexpr int CONSUMERS = THREADS / WARP - 1;
    arrival_barrier *full = barriers_at(PLACES * BYTES);
    arrival_barrier *empty = full + PLACES;
    uint16_t *shared = (uint16_t *)shared_memory();
    if (thread_index() == 0) {
        for (int i = 0; i < PLACES; i++) {
            full[i].create(1);
            empty[i].create(CONSUMERS);
        }
        barriers_created();
    }
    block_barrier();
    const int32_t warp = thread_index() / WARP;
    if (warp == 0 && elect_one())
        for (int32_t n = 0; n < 2 * ROUNDS; n++) {
            const int32_t place = n % PLACES;
            empty[place].wait(n / PLACES % 2 ^ 1);
            full[place].arrive_and_expect(BYTES);
            for (int32_t half = 0; half < 2; half++)
                copy_bulk(shared + place * ELEMENTS + half * ELEMENTS / 2,
                          memory.source + n * ELEMENTS + half * ELEMENTS / 2, BYTES / 2, full[place]);
        }
    for (int32_t n = 0; warp != 0 && n < 2 * ROUNDS; n++) {
        const int32_t place = n % PLACES;
        full[place].wait(n / PLACES % 2);
        for (int32_t i = thread_index() % WARP; i < ELEMENTS; i += WARP)
            contract_expect(memory, n, i, (float)shared[place * ELEMENTS + i], (float)(n * ELEMENTS + i));
        warp_barrier();
        if (elect_one())
            empty[place].arrive();
    }
}

/* Bytes may be expected apart from the arrival, and by several threads. */
GPU_KERNEL(THREADS, 1) bytes(GPU_ARGUMENTS(contract_memory) memory)
{
    uint16_t *shared = (uint16_t *)shared_memory();
    arrival_barrier &barrier = *barriers_at(4096);
    if (thread_index() == 0) {
        barrier.create(2);
        barriers_created();
    }
    block_barrier();
    if (thread_index() % (THREADS / 2) == 0) {
        const int32_t first = thread_index() ? 512 : 0;
        barrier.expect(1024);
        copy_bulk(shared + first, memory.source + 3000 + first, 1024, barrier);
        barrier.arrive();
    }
    barrier.wait(0);
    for (int32_t i = thread_index(); i < 1024; i += THREADS)
        contract_expect(memory, 0, i, (float)shared[i], (float)(3000 + i));
}

/* The first group writes for the second and does not wait; the second answers. */
GPU_KERNEL(THREADS, 1) named(GPU_ARGUMENTS(contract_memory) memory)
{
    int32_t *numbers = (int32_t *)shared_memory();
    const bool first = thread_index() < THREADS / 2;
    for (int32_t round = 0; round < ROUNDS; round++) {
        if (first) {
            numbers[thread_index()] = 100 * round + thread_index();
            named_barrier_arrive(3, THREADS);
            named_barrier_wait(15, THREADS);
        } else {
            named_barrier_wait(3, THREADS);
            const int32_t other = THREADS - 1 - thread_index();
            contract_expect(memory, round, other, (float)numbers[other], (float)(100 * round + other));
            named_barrier_arrive(15, THREADS);
        }
        if (first) /* one half among itself */
            named_barrier_wait(1, THREADS / 2);
    }
}

GPU_KERNEL(THREADS, 1) elected(GPU_ARGUMENTS(contract_memory) memory)
{
    int32_t *count = (int32_t *)shared_memory();
    int32_t *lane = count + THREADS / WARP;
    const int32_t warp = thread_index() / WARP;
    if (thread_index() < THREADS / WARP)
        count[thread_index()] = 0;
    block_barrier();
    for (int32_t round = 0; round < ROUNDS; round++) {
        if (elect_one()) {
            atomic_add(&count[warp], (int32_t)1);
            if (round == 0)
                lane[warp] = thread_index();
            contract_expect(memory, round, warp, (float)lane[warp], (float)thread_index());
        }
        warp_barrier();
    }
    block_barrier();
    if (thread_index() < THREADS / WARP)
        contract_expect(memory, -1, thread_index(), (float)count[thread_index()], (float)ROUNDS);
}

/* One group gives up what two others take, and all keep what is in registers. */
constexpr int REGISTER_THREADS = 384;

GPU_KERNEL(REGISTER_THREADS, 1) registers(GPU_ARGUMENTS(contract_memory) memory)
{
    const float before = (float)memory.source[thread_index()];
    if (thread_index() < REGISTER_THREADS / 3) {
        registers_shrink<40>();
        contract_expect(memory, 0, thread_index(), before, (float)thread_index());
    } else {
        registers_grow<232>();
        contract_expect(memory, 1, thread_index(), before, (float)thread_index());
    }
}

} // namespace barrier_contract

#endif
