/* Copies of rows, in pieces that are as wide as all their places allow: 16 bytes, or fewer. */
#ifndef VARLEN_GPU_COPIED_ROWS_H
#define VARLEN_GPU_COPIED_ROWS_H

#include "around/work_share.h"

struct copied_rows {
    int64_t rows;
    int64_t to_head_bytes;
    int64_t from_head_bytes;
    row_counts counts; /* in pieces */
};

struct row_pair {
    char *to;
    const char *from; /* NULL: zeros */
};

template <typename PIECE> GPU_DEVICE PIECE load_piece(const char *address)
{
    if constexpr (sizeof(PIECE) == 16)
        return load_16(address);
    else
        return *(const PIECE *)address;
}

template <typename PIECE> GPU_DEVICE void store_piece(char *address, const PIECE &piece)
{
    if constexpr (sizeof(PIECE) == 16)
        store_16(address, piece);
    else
        *(PIECE *)address = piece;
}

/* This block's share; `pair_of(row)` is asked for rows in order. Each thread has a few loads under way at once. */
template <typename PIECE, typename PAIR_OF> GPU_DEVICE void copy_whole_rows(const copied_rows &copied, PAIR_OF pair_of)
{
    constexpr int at_once = 4;
    const block_share share = share_of_block(copied.rows * copied.counts.heads * copied.counts.pieces, AROUND_THREADS);
    const piece_place step = place_of_piece(copied.counts, AROUND_THREADS);
    piece_place place = place_of_piece(copied.counts, share.begin + thread_index());
    int64_t row = -1;
    row_pair pair = {};
    for (int64_t number = share.begin + thread_index(); number < share.end; number += at_once * AROUND_THREADS) {
        PIECE pieces[at_once] = {};
        char *to[at_once] = {};
#pragma unroll
        for (int i = 0; i < at_once; i++) {
            if (number + i * AROUND_THREADS >= share.end)
                continue;
            if (place.row != row) {
                row = place.row;
                pair = pair_of(row);
            }
            to[i] = pair.to + place.head * copied.to_head_bytes + place.piece * (int64_t)sizeof(PIECE);
            if (pair.from)
                pieces[i] = load_piece<PIECE>(pair.from + place.head * copied.from_head_bytes +
                                              place.piece * (int64_t)sizeof(PIECE));
            advance(place, step, copied.counts);
        }
#pragma unroll
        for (int i = 0; i < at_once; i++)
            if (to[i])
                store_piece(to[i], pieces[i]);
    }
}

#endif
