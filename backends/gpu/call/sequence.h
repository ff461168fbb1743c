/* One sequence of a batch, and where its rows are. */
#ifndef VARLEN_GPU_SEQUENCE_H
#define VARLEN_GPU_SEQUENCE_H

#include "call/problem.h"

struct gpu_sequence {
    int32_t index;       /* in the batch */
    int32_t queries;     /* sq, padding skipped */
    int32_t keys;        /* sk, likewise */
    int32_t first_query; /* row of q */
    int32_t first_key;   /* row of k if packed; row of the slot if paged. Padding skipped */
    int32_t shift;       /* p - i, the same for all queries */
};

GPU_DEVICE gpu_sequence sequence_at(const gpu_problem &problem, int32_t index)
{
    const gpu_metadata &metadata = problem.metadata;
    gpu_sequence sequence = {};
    sequence.index = index;
    sequence.first_query = metadata.cu_seqlens_q[index];
    sequence.queries =
        metadata.seqused_q ? metadata.seqused_q[index] : metadata.cu_seqlens_q[index + 1] - sequence.first_query;
    if (metadata.key_starts)
        sequence.first_key = metadata.key_starts[index];
    else if (!metadata.paged)
        sequence.first_key = metadata.cu_seqlens_k[index];
    sequence.keys =
        metadata.seqused_k ? metadata.seqused_k[index] : metadata.cu_seqlens_k[index + 1] - sequence.first_key;
    if (metadata.leftpad_k) {
        sequence.first_key += metadata.leftpad_k[index];
        sequence.keys -= metadata.leftpad_k[index];
    }
    if (metadata.leftpad_q) {
        sequence.first_query += metadata.leftpad_q[index];
        sequence.queries -= metadata.leftpad_q[index];
    }
    sequence.shift = metadata.query_positions ? metadata.query_positions[index]
                     : problem.top_left       ? 0
                                              : sequence.keys - sequence.queries;
    return sequence;
}

/* Keys, or queries, begin .. end - 1. */
struct gpu_span {
    int32_t begin;
    int32_t end; /* at or below begin: empty */
};

GPU_DEVICE int32_t clamped(int64_t value, int32_t limit)
{
    return (int32_t)(value < 0 ? 0 : value > limit ? limit : value);
}

/* Keys or values of one head of one sequence. */
struct gpu_key_rows {
    const char *data;     /* of the head: row 0 of the pool if paged, of the sequence if packed */
    const int32_t *pages; /* the sequence's row of page_table; NULL if packed, or if no sequence has keys yet */
    int64_t row_bytes;
    int64_t page_bytes;
    fast_divisor page_size;
    int32_t first_row; /* of the slot, if paged */
};

GPU_DEVICE gpu_key_rows key_rows_of(const gpu_problem &problem, const gpu_tensor &tensor, int64_t page_bytes,
                                    const gpu_sequence &sequence, int32_t kv_head)
{
    const gpu_metadata &metadata = problem.metadata;
    gpu_key_rows rows = {};
    rows.data = tensor.data + kv_head * tensor.head_bytes;
    if (metadata.paged)
        rows.pages = metadata.page_table + (int64_t)sequence.index * metadata.page_table_width;
    else
        rows.data += (int64_t)sequence.first_key * tensor.token_bytes;
    rows.row_bytes = tensor.token_bytes;
    rows.page_bytes = page_bytes;
    rows.page_size = metadata.page_size;
    rows.first_row = sequence.first_key;
    return rows;
}

/* Row of key j. */
GPU_DEVICE const char *key_row(const gpu_key_rows &rows, int32_t j)
{
    if (!rows.pages)
        return rows.data + j * rows.row_bytes;
    quotient_and_rest place = divide_with_rest(rows.first_row + j, rows.page_size);
    return rows.data + rows.pages[place.quotient] * rows.page_bytes + place.rest * rows.row_bytes;
}

#endif
