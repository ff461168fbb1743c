/* What the kernels around attention have in common: how blocks share work, and how a thread finds its way through rows.
 *
 * These calls have no workspace and keep no state, so no block can tell another what it has found in the metadata: each
 * block inspects all of it. That is a few kilobytes that all blocks read from the cache at the same time, a microsecond
 * or two; with a million sequences it takes less time than copying their rows. Where a block stands in for others by
 * writing zeros, it has seen the same violation as they have; block 0 reports it. */
#ifndef VARLEN_GPU_WORK_SHARE_H
#define VARLEN_GPU_WORK_SHARE_H

#include "call/numbers.h"

enum {
    AROUND_THREADS = 256,
    AROUND_BLOCKS = 3, /* per processor: enough to keep its share of the memory busy, at four loads to a thread */
};

/* Numbers begin .. end - 1: what this block does of `count`, whole groups of `group` but for the last. Neighbours stay
 * together, so that rows change seldom and in order. */
struct block_share {
    int64_t begin;
    int64_t end;
};

GPU_DEVICE block_share share_of_block(int64_t count, int32_t group)
{
    int64_t size = divide_up(divide_up(count, (int64_t)group), (int64_t)grid_blocks()) * group;
    int64_t begin = smaller(size * block_index(), count);
    return {begin, smaller(begin + size, count)};
}

/* Rows have so many heads, each of so many pieces. */
struct row_counts {
    uint32_t heads;
    uint32_t pieces;
};

struct piece_place {
    int64_t row;
    uint32_t head;
    uint32_t piece;
};

/* Piece number `number`, counted through pieces, heads, rows. */
GPU_DEVICE piece_place place_of_piece(const row_counts &counts, int64_t number)
{
    int64_t head = number / counts.pieces;
    int64_t row = head / counts.heads;
    return {row, (uint32_t)(head - row * counts.heads), (uint32_t)(number - head * counts.pieces)};
}

/* The piece `step` pieces further on, with carries in place of divisions. */
GPU_DEVICE void advance(piece_place &place, const piece_place &step, const row_counts &counts)
{
    place.piece += step.piece;
    place.head += step.head;
    place.row += step.row;
    if (place.piece >= counts.pieces) {
        place.piece -= counts.pieces;
        place.head++;
    }
    if (place.head >= counts.heads) {
        place.head -= counts.heads;
        place.row++;
    }
}

/* Whose a row is. Rows are asked for in order, each below cu_seqlens[batch]. */
struct row_owner {
    const int32_t *cu_seqlens;
    int32_t batch;
    int32_t sequence;
    int32_t begin;
    int32_t end; /* 0: nobody has been asked about yet */
};

GPU_DEVICE row_owner make_row_owner(const int32_t *cu_seqlens, int32_t batch)
{
    return {cu_seqlens, batch, 0, 0, 0};
}

/* The last sequence that starts at or before the row: later ones that start there are empty. */
GPU_DEVICE void find_owner(row_owner &owner, int64_t row)
{
    if (row < owner.end)
        return;
    int32_t low = owner.sequence;
    int32_t high = owner.batch - 1;
    while (low < high) {
        int32_t middle = low + (high - low + 1) / 2;
        if (owner.cu_seqlens[middle] <= row)
            low = middle;
        else
            high = middle - 1;
    }
    owner.sequence = low;
    owner.begin = owner.cu_seqlens[low];
    owner.end = owner.cu_seqlens[low + 1];
}

#endif
