/* Chunks of query rows, as the backward pass numbers them over all sequences: what is kept for each in the workspace
 * has its place by that number. */
#ifndef VARLEN_GPU_ROW_CHUNKS_H
#define VARLEN_GPU_ROW_CHUNKS_H

#include "call/mask.h"

/* How one kernel cuts. */
struct backward_cut {
    int32_t tile_keys;
    int32_t chunk_rows;
    int32_t stored_rows; /* of what is kept of a chunk: as many, or a few more, which are zeros */
    int32_t head_dim;    /* that rows of the accumulator of dq have */
    int32_t sums_dq;     /* whether dq is summed over tiles */
    int32_t copied_rows; /* at a time: see row_stride */
};

/* Chunks of sequence b begin with this number: no two sequences overlap, whatever the lengths before b. Each that has
 * chunks begins a row behind the one before. */
GPU_DEVICE int64_t first_row_chunk(const gpu_problem &problem, int32_t chunk_rows, int32_t b)
{
    const int32_t query = problem.metadata.cu_seqlens_q[b];
    return (int64_t)query * problem.group.divisor / chunk_rows + smaller(b, query);
}

/* How much lower that number is where only chunks of sequences that have more keys than a tile count. Where these may
 * lie in any order, all count. */
GPU_DEVICE int32_t chunks_without_sums(const gpu_problem &problem, const backward_cut &cut, int32_t b)
{
    if (problem.metadata.key_starts)
        return 0;
    const int32_t before = smaller(b, problem.metadata.cu_seqlens_q[b]);
    return before - smaller(before, problem.metadata.cu_seqlens_k[b] / (cut.tile_keys + 1));
}

/* The keys that some row of a chunk sees. */
template <typename MASK>
GPU_DEVICE gpu_span keys_of_rows(const gpu_problem &problem, const gpu_sequence &sequence, int32_t first_row,
                                 int32_t rows)
{
    gpu_span seen = MASK::keys_seen_by(problem, sequence, divide(first_row, problem.group),
                                       divide(first_row + rows - 1, problem.group) + 1);
    return seen.begin < seen.end ? seen : gpu_span{0, 0};
}

/* A chunk of rows. */
struct row_chunk {
    gpu_sequence sequence;
    int32_t first_row;
    int32_t rows; /* 0: there is no such chunk */
    gpu_span keys;
};

/* Chunk `index` of a sequence. */
GPU_DEVICE row_chunk row_chunk_of(const gpu_problem &problem, int32_t chunk_rows, const gpu_sequence &sequence,
                                  int64_t index)
{
    row_chunk chunk = {};
    chunk.sequence = sequence;
    const int64_t first = index * chunk_rows;
    const int64_t rows = (int64_t)sequence.queries * problem.group.divisor;
    if (first >= rows)
        return chunk;
    chunk.first_row = (int32_t)first;
    chunk.rows = (int32_t)smaller(rows - first, (int64_t)chunk_rows);
    chunk.keys = keys_of_rows<row_mask>(problem, sequence, chunk.first_row, chunk.rows);
    return chunk;
}

/* Whether a number is at or past that of the sequence's first chunk. Many are asked, so there is no division. */
GPU_DEVICE bool row_chunks_begin_by(const gpu_problem &problem, int32_t chunk_rows, int32_t b, int64_t number)
{
    const int32_t query = problem.metadata.cu_seqlens_q[b];
    return (int64_t)query * problem.group.divisor < (number + 1 - smaller(b, query)) * chunk_rows;
}

/* The chunk that has a number among those of all sequences. */
GPU_DEVICE row_chunk row_chunk_at(const gpu_problem &problem, int32_t chunk_rows, int64_t number)
{
    int32_t low = 0;
    int32_t high = problem.metadata.batch - 1;
    while (low < high) {
        int32_t middle = low + (high - low + 1) / 2;
        if (row_chunks_begin_by(problem, chunk_rows, middle, number))
            low = middle;
        else
            high = middle - 1;
    }
    return row_chunk_of(problem, chunk_rows, sequence_at(problem, low),
                        number - first_row_chunk(problem, chunk_rows, low));
}

/* Keys that rows see, of all chunks. */
struct chunk_spans {
    gpu_span *of_rows; /* [row_chunks][stored_rows + 2]: of each row, of all of them, of some of them; NULL: none */

    /* Of a chunk. */
    GPU_DEVICE gpu_span *at(int64_t number, const backward_cut &cut) const
    {
        return of_rows + number * (cut.stored_rows + 2);
    }
};

/* Whether dq of a sequence's rows is the sum over several tiles. */
GPU_DEVICE bool dq_is_summed(const gpu_sequence &sequence, const backward_cut &cut)
{
    return cut.sums_dq && sequence.keys > cut.tile_keys;
}

#endif
