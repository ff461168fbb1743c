/* What the kernels of the backward pass get: the call, its plan, and its pieces of the workspace. */
#ifndef VARLEN_GPU_BACKWARD_ARGUMENTS_H
#define VARLEN_GPU_BACKWARD_ARGUMENTS_H

#include "call/violation.h"
#include "plan/backward_plan.h"

/* From a query row to the one `copied_rows` behind it, without a division: on by `bytes` and `heads`, and, where that
 * passes the last head of the group, to the next token. */
struct row_stride {
    int64_t bytes;
    int64_t carry_bytes;
    int32_t heads;
};

struct backward_arguments {
    gpu_problem problem;
    gpu_plan plan;
    backward_item *items;
    backward_cut cut;
    gpu_tensor out;
    gpu_tensor dout;
    gpu_tensor dq;
    gpu_tensor dk;
    gpu_tensor dv;
    row_stride q_stride;
    row_stride dout_stride;
    const float *lse;
    const float *dlse;  /* NULL: 0 throughout */
    float *dsinks;      /* NULL: not wanted */
    float *dsink_parts; /* [q_heads][row_chunks] */
    float *statistics;  /* [kv_heads][row_chunks][2][stored_rows]: lse in units of log2, then
                         * delta = dot(dout, out) - dlse */
    chunk_spans spans;  /* of rows under any kv head, where telling which keys they see takes more than a band */
    float *dq_sums;     /* [kv_heads][sum_chunks][stored_rows * head_dim]: in whatever order suits the threads */
    int32_t *turns;     /* [kv_heads][sum_chunks]: tiles that have added to dq_sums; NULL: in any order */
    int64_t row_chunks; /* of all sequences, under one kv head */
    int64_t sum_chunks; /* of those whose dq is summed */
    violation_mailbox mailbox;
    int32_t validate;
    int32_t one_tile_each; /* no sequence has more keys than a tile: no dq is summed */
};

/* Number of an item's chunk among those of all kv heads. */
GPU_DEVICE int64_t chunk_number(const backward_arguments &args, const backward_item &item, int32_t chunk)
{
    return item.kv_head * args.row_chunks + item.chunk_base + chunk;
}

/* Likewise, among those whose dq is summed. */
GPU_DEVICE int64_t sum_number(const backward_arguments &args, const backward_item &item, int32_t chunk)
{
    return item.kv_head * args.sum_chunks + item.sum_base + chunk;
}

GPU_DEVICE int64_t sum_number_of_rows(const backward_arguments &args, const row_chunk &chunk, int64_t number,
                                      int32_t kv_head)
{
    return kv_head * args.sum_chunks + number - chunks_without_sums(args.problem, args.cut, chunk.sequence.index);
}

/* What the rows of a chunk see, as chunk_spans has it; NULL: a band tells all, as it does to kernels of the plain rule.
 */
template <typename RULE>
GPU_DEVICE const gpu_span *spans_of_chunk(const backward_arguments &args, const backward_item &item, int32_t chunk)
{
    if constexpr (RULE::mask::BY_ROWS)
        if (args.spans.of_rows)
            return args.spans.at(item.chunk_base + chunk, args.cut);
    return nullptr;
}

/* An item's turn to add to dq of a chunk, where that is done in order of the tiles that some row sees. One that none
 * sees adds zeros, which may be done at any time. */
struct chunk_turn {
    int32_t number;
    bool exists;
};

template <typename RULE>
GPU_DEVICE chunk_turn turn_at_chunk(const backward_arguments &args, const backward_item &item, int32_t chunk_rows,
                                    int32_t tile_keys, int32_t chunk)
{
    if (const gpu_span *spans = spans_of_chunk<RULE>(args, item, chunk)) {
        const gpu_span keys = spans[args.cut.stored_rows + 1];
        return {item.tile - keys.begin / tile_keys,
                keys.begin < item.first_key + item.keys && keys.end > item.first_key};
    }
    const int32_t first = chunk * chunk_rows;
    const gpu_span keys =
        keys_of_rows<band_mask>(args.problem, item.sequence, first, smaller(chunk_rows, item.rows - first));
    return {item.tile - keys.begin / tile_keys, true};
}

#endif
