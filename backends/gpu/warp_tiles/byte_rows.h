/* Rows of quantised keys and values on their way to a tile in shared memory: threads fetch bytes, and widen what they
 * have fetched themselves. */
#ifndef VARLEN_GPU_BYTE_ROWS_H
#define VARLEN_GPU_BYTE_ROWS_H

#include "call/quantized.h"
#include "call/sequence.h"
#include "platform.h"

/* How threads share rows of so many bytes, in pieces of 16: neighbours along the rows. */
template <int THREADS, int ROWS, int DIM> struct byte_shares {
    static constexpr int ROW_PIECES = DIM / 16;
    static constexpr int PIECES = ROWS * ROW_PIECES;
    static constexpr int STEPS = (PIECES + THREADS - 1) / THREADS;

    GPU_DEVICE static int32_t number(int step)
    {
        return step * THREADS + thread_index();
    }
    GPU_DEVICE static bool exists(int step)
    {
        return PIECES % THREADS == 0 || number(step) < PIECES;
    }
    GPU_DEVICE static int32_t row(int step)
    {
        return number(step) / ROW_PIECES;
    }
    GPU_DEVICE static int32_t column(int step)
    {
        return number(step) % ROW_PIECES * 16;
    }
};

/* This thread's share of rows first .. end - 1, zeros past `end` and past `dim`: pieces `number` and following. */
template <typename SHARES, typename PIECES>
GPU_DEVICE void fetch_byte_rows(PIECES &pieces, int number, const gpu_key_rows &rows, int32_t first, int32_t end,
                                int32_t dim)
{
#pragma unroll
    for (int step = 0; step < SHARES::STEPS; step++) {
        const int32_t key = first + SHARES::row(step);
        const int32_t column = SHARES::column(step);
        const bool valid = SHARES::exists(step) && key < end && column < dim;
        pieces.fetch(number + step, valid ? key_row(rows, key) + column : nullptr, valid);
    }
}

/* When they are there. */
template <typename SHARES, typename PIECES, typename T, int DIM>
GPU_DEVICE void widen_byte_rows(const PIECES &pieces, int number, const shared_tile<T, DIM> &tile, const widening &how)
{
#pragma unroll
    for (int step = 0; step < SHARES::STEPS; step++) {
        if (!SHARES::exists(step))
            continue;
        const words_16 bytes = pieces.piece(number + step);
#pragma unroll
        for (int upper = 0; upper < 2; upper++)
            store_16(tile.piece(SHARES::row(step), SHARES::column(step) + upper * 8),
                     widen<T>(bytes.word[2 * upper], bytes.word[2 * upper + 1], how));
    }
}

#endif
