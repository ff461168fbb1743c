/* Copies of 16 bytes that go on while the block does. */
#ifndef VARLEN_TESTS_PLATFORM_COPY_CONTRACT_H
#define VARLEN_TESTS_PLATFORM_COPY_CONTRACT_H

#include "contract.h"

namespace copy_contract
{

constexpr int THREADS = 128;
constexpr int PIECES = 3;

/* Elements 8 * n and following of the source. */
GPU_DEVICE void expect_piece(const contract_memory &memory, int32_t row, const uint16_t *piece, int32_t n, bool valid)
{
    for (int32_t i = 0; i < 8; i++)
        contract_expect(memory, row, n * 8 + i, (float)piece[i], valid ? (float)(n * 8 + i) : 0.0f);
}

/* Two groups, of which the first is waited for alone; what another thread has copied is seen behind the barrier. */
GPU_KERNEL(THREADS, 1) groups(GPU_ARGUMENTS(contract_memory) memory)
{
    uint16_t *shared = (uint16_t *)shared_memory();
    const int32_t thread = thread_index();
    copy_16(shared + 8 * thread, memory.source + 8 * thread);
    copies_commit();
    copy_16(shared + 8 * (THREADS + thread), memory.source + 8 * (THREADS + thread), thread % 3 != 0);
    copies_commit();
    copies_wait<1>();
    block_barrier();
    const int32_t other = (thread + THREADS / 2) % THREADS;
    expect_piece(memory, 0, shared + 8 * other, other, true);
    copies_wait<0>();
    block_barrier();
    expect_piece(memory, 1, shared + 8 * (THREADS + other), THREADS + other, other % 3 != 0);
}

/* Two batches under way. */
GPU_KERNEL(THREADS, 1) batches(GPU_ARGUMENTS(contract_memory) memory)
{
    uint16_t *shared = (uint16_t *)shared_memory();
    const int32_t thread = thread_index();
    copy_batch<PIECES, 0, false> first, second;
#pragma unroll
    for (int32_t i = 0; i < PIECES; i++)
        first.copy(i, shared + 8 * (i * THREADS + thread), memory.source + 8 * (i * THREADS + thread));
    first.begun();
#pragma unroll
    for (int32_t i = 0; i < PIECES; i++) {
        const int32_t n = (PIECES + i) * THREADS + thread;
        second.copy(i, shared + 8 * n, memory.source + 8 * n, thread % 2 == 0);
    }
    second.begun();
    first.finish<1>();
    block_barrier();
    const int32_t other = (thread + THREADS / 2 + 1) % THREADS;
    for (int32_t i = 0; i < PIECES; i++)
        expect_piece(memory, i, shared + 8 * (i * THREADS + other), i * THREADS + other, true);
    second.finish<0>();
    block_barrier();
    for (int32_t i = PIECES; i < 2 * PIECES; i++)
        expect_piece(memory, i, shared + 8 * (i * THREADS + other), i * THREADS + other, other % 2 == 0);
}

/* Pieces that threads fetch for themselves, one batch after another. */
GPU_KERNEL(THREADS, 1) fetched(GPU_ARGUMENTS(contract_memory) memory)
{
    const int32_t thread = thread_index();
    fetched_pieces<PIECES, THREADS> pieces(shared_memory());
    for (int32_t batch = 0; batch < 2; batch++) {
#pragma unroll
        for (int32_t i = 0; i < PIECES; i++) {
            const int32_t n = (batch * PIECES + i) * THREADS + thread;
            pieces.fetch(i, memory.source + 8 * n, (thread + i) % 3 != 0);
        }
        pieces.begun();
        block_barrier();
        pieces.wait();
#pragma unroll
        for (int32_t i = 0; i < PIECES; i++) {
            const words_16 words = pieces.piece(i);
            expect_piece(memory, batch * PIECES + i, (const uint16_t *)words.word,
                         (batch * PIECES + i) * THREADS + thread, (thread + i) % 3 != 0);
        }
    }
}

GPU_KERNEL(THREADS, 1) words(GPU_ARGUMENTS(contract_memory) memory)
{
    uint16_t *shared = (uint16_t *)shared_memory();
    const int32_t thread = thread_index();
    store_16(shared + 8 * thread, load_16(memory.source + 8 * thread));
    block_barrier();
    const int32_t other = THREADS - 1 - thread;
    expect_piece(memory, 0, shared + 8 * other, other, true);
    store_16(memory.target + 8 * thread, load_16(shared + 8 * thread));
    fence();
    block_barrier();
    expect_piece(memory, 1, memory.target + 8 * other, other, true);
}

} // namespace copy_contract

#endif
