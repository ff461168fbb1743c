/* Rows that are computed with: eight neighbouring elements to a thread, one row or several to a block at a time. */
#ifndef VARLEN_GPU_ELEMENT_ROWS_H
#define VARLEN_GPU_ELEMENT_ROWS_H

#include "around/work_share.h"
#include "call/elements.h"

/* In a row: what the threads of one block have, who meet at its barriers and in its shared memory. */
constexpr int32_t LONGEST_ELEMENT_ROW = AROUND_THREADS * 8;

/* Where this thread stands among the rows that its block works on at a time. */
struct element_place {
    int32_t rows;   /* of the block */
    int32_t row;    /* this thread's; at or past `rows`: none */
    int32_t column; /* the first of its eight elements */
};

GPU_DEVICE element_place place_in_rows(int32_t dim)
{
    int32_t threads = dim / 8; /* to a row */
    int32_t row = thread_index() / threads;
    return {AROUND_THREADS / threads, row, (thread_index() - row * threads) * 8};
}

/* This block's share of rows x heads, in passes that its threads make together. `pass(active, row, head)` may wait at
 * barriers; threads that are not active have no row. */
template <typename PASS>
GPU_DEVICE void pass_over_rows(const element_place &place, int64_t rows, int32_t heads, PASS pass)
{
    const row_counts counts = {(uint32_t)heads, 1};
    const block_share share = share_of_block(rows * heads, place.rows);
    const piece_place step = place_of_piece(counts, place.rows);
    piece_place at = place_of_piece(counts, share.begin + place.row);
    for (int64_t first = share.begin; first < share.end; first += place.rows) {
        bool active = place.row < place.rows && first + place.row < share.end;
        pass(active, at.row, (int32_t)at.head);
        advance(at, step, counts);
    }
}

#endif
