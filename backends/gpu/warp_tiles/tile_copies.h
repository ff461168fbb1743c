/* How the threads of a block share the copies of rows into tiles in shared memory. */
#ifndef VARLEN_GPU_TILE_COPIES_H
#define VARLEN_GPU_TILE_COPIES_H

#include "call/sequence.h"
#include "platform.h"

/* How the threads of a block share the rows of a tile: eight neighbours copy 128 bytes of one row. */
template <int THREADS_, int ROWS_> struct copy_shares {
    static constexpr int THREADS = THREADS_;
    static constexpr int ROWS = ROWS_;
    static constexpr int PIECES = 8;
    static constexpr bool SOME_IDLE = THREADS / PIECES > ROWS;
    static constexpr int AT_ONCE = SOME_IDLE ? ROWS : THREADS / PIECES; /* rows */
    static constexpr int STEPS = ROWS / AT_ONCE;
    static_assert(ROWS % AT_ONCE == 0, "rows are shared evenly");

    /* That a thread has of rows of `dim` elements of 16 bits. */
    static constexpr int pieces(int dim)
    {
        return STEPS * (dim / 64);
    }

    /* Whether it has none. */
    GPU_DEVICE static bool idle()
    {
        return SOME_IDLE && first_row() >= ROWS;
    }

    GPU_DEVICE static int32_t first_row()
    {
        return thread_index() / PIECES;
    }
    GPU_DEVICE static int32_t column()
    {
        return thread_index() % PIECES * 8;
    }
};

/* How they share the squares of an interleaved tile: neighbours along its rows. */
template <int THREADS, int ROWS, int DIM> struct square_shares {
    static constexpr int SIZE = 4;
    static constexpr int SQUARES = ROWS / SIZE * (DIM / SIZE);
    static constexpr int STEPS = (SQUARES + THREADS - 1) / THREADS;

    GPU_DEVICE static int32_t number(int step)
    {
        return step * THREADS + thread_index();
    }
    GPU_DEVICE static bool exists(int step)
    {
        return SQUARES % THREADS == 0 || number(step) < SQUARES;
    }
    GPU_DEVICE static int32_t row(int step)
    {
        return number(step) / (DIM / SIZE) * SIZE;
    }
    GPU_DEVICE static int32_t column(int step)
    {
        return number(step) % (DIM / SIZE) * SIZE;
    }
};

/* Copies that need no batch. */
struct single_copies {
    GPU_DEVICE void copy(int, void *to, const void *from) const
    {
        copy_16(to, from);
    }
    GPU_DEVICE void copy(int, void *to, const void *from, bool valid) const
    {
        copy_16(to, from, valid);
    }
};

/* Begins to copy this thread's share of one row, `from` being its element 0; zeros past `dim`, or if there is none.
 * COPIES is a copy_batch, of which these are pieces `number` and following, or single_copies. */
template <typename COPIES, typename T, int DIM>
GPU_DEVICE void copy_row(COPIES &copies, int number, const shared_tile<T, DIM> &tile, int32_t row, int32_t column,
                         const char *from, bool exists, int32_t dim)
{
#pragma unroll
    for (int group = 0; group < DIM; group += 64) {
        bool valid = exists && group + column < dim;
        copies.copy(number + group / 64, tile.piece(row, group + column), from + (group + column) * (int)sizeof(T),
                    valid);
    }
}

template <typename COPIES, typename T, int DIM>
GPU_DEVICE void copy_whole_row(COPIES &copies, int number, const shared_tile<T, DIM> &tile, int32_t row, int32_t column,
                               const char *from)
{
#pragma unroll
    for (int group = 0; group < DIM; group += 64)
        copies.copy(number + group / 64, tile.piece(row, group + column), from + (group + column) * (int)sizeof(T));
}

/* Begins to copy rows into a tile, as SHARES has them shared: `address(row)` of the first `count`, zeros for the others
 * and past `dim`. */
template <typename SHARES, typename COPIES, typename T, int DIM, typename ADDRESS>
GPU_DEVICE void copy_rows(COPIES &copies, int number, const shared_tile<T, DIM> &tile, int32_t count, int32_t dim,
                          ADDRESS address)
{
    if (SHARES::idle())
        return;
#pragma unroll
    for (int step = 0; step < SHARES::STEPS; step++) {
        int32_t row = SHARES::first_row() + step * SHARES::AT_ONCE;
        bool exists = row < count;
        copy_row(copies, number + step * (DIM / 64), tile, row, SHARES::column(), exists ? address(row) : nullptr,
                 exists, dim);
    }
}

/* Keys first .. end - 1, or values. Nearly all chunks of packed keys are whole, and lose no time over what is missing
 * from the others. */
template <typename SHARES, typename COPIES, typename T, int DIM>
GPU_DEVICE void copy_keys(COPIES &copies, int number, const shared_tile<T, DIM> &tile, const gpu_key_rows &rows,
                          int32_t first, int32_t end, int32_t dim)
{
    if (rows.pages || end - first < SHARES::ROWS || dim < DIM || SHARES::SOME_IDLE) {
        copy_rows<SHARES>(copies, number, tile, end - first, dim,
                          [&](int32_t row) { return key_row(rows, first + row); });
        return;
    }
    const char *from = rows.data + (int64_t)(first + SHARES::first_row()) * rows.row_bytes;
    const int64_t stride = SHARES::AT_ONCE * rows.row_bytes;
#pragma unroll
    for (int step = 0; step < SHARES::STEPS; step++)
        copy_whole_row(copies, number + step * (DIM / 64), tile, SHARES::first_row() + step * SHARES::AT_ONCE,
                       SHARES::column(), from + step * stride);
}

struct row_source {
    const char *from; /* element 0 */
    bool exists;
};

/* Begins to copy this thread's squares, from `source(row)`. */
template <typename SQUARES, typename COPIES, typename T, int DIM, typename SOURCE>
GPU_DEVICE void copy_squares(COPIES &copies, int number, const interleaved_tile<T, DIM> &tile, int32_t dim,
                             SOURCE source)
{
#pragma unroll
    for (int step = 0; step < SQUARES::STEPS; step++) {
        if (!SQUARES::exists(step))
            continue;
        const int32_t row = SQUARES::row(step);
        const int32_t column = SQUARES::column(step);
        T *const to[2] = {tile.piece(row, column), tile.piece(row, column + 2)};
        const char *from[SQUARES::SIZE];
        bool valid[SQUARES::SIZE];
#pragma unroll
        for (int i = 0; i < SQUARES::SIZE; i++) {
            const row_source one = source(row + i);
            from[i] = one.from + column * (int)sizeof(T);
            valid[i] = one.exists && column < dim;
        }
        copies.copy_square(number + step, to, from, valid);
    }
}

template <typename SHARES, typename COPIES, typename T, int DIM>
GPU_DEVICE void copy_keys(COPIES &copies, int number, const interleaved_tile<T, DIM> &tile, const gpu_key_rows &rows,
                          int32_t first, int32_t end, int32_t dim)
{
    using squares = square_shares<SHARES::THREADS, SHARES::ROWS, DIM>;
    if (rows.pages || end - first < SHARES::ROWS || dim < DIM) {
        copy_squares<squares>(copies, number, tile, dim, [&](int32_t row) -> row_source {
            const bool exists = first + row < end;
            return {exists ? key_row(rows, first + row) : nullptr, exists};
        });
        return;
    }
    const char *from = rows.data + (int64_t)first * rows.row_bytes;
    copy_squares<squares>(copies, number, tile, DIM, [&](int32_t row) -> row_source {
        return {from + row * rows.row_bytes, true};
    });
}

#endif
