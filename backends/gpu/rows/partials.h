/* Partial results of rows. Where several warps, or several blocks, have each seen a part of the keys, every part leaves
 * a partial of a row: sums relative to its own maximum. Partials are merged in order of the parts, whoever does it, so
 * that bits do not depend on who came last. */
#ifndef VARLEN_GPU_PARTIALS_H
#define VARLEN_GPU_PARTIALS_H

#include "call/softmax.h"
#include "plan/forward_arguments.h"

/* Of the rows of a tile. */
struct row_partials {
    float *out;     /* [count][rows][out_stride] */
    float *maximum; /* [count][rows] */
    float *sum;     /* [count][rows] */
    int32_t count;
    int32_t rows;       /* allocated, not all of them in use */
    int32_t out_stride; /* floats from a row to the next */
};

constexpr int MERGE_PIECE = 8; /* values that a thread merges */

struct merged_piece {
    float out[MERGE_PIECE];
    float maximum;
    float sum;
};

GPU_DEVICE merged_piece merge_partials(const row_partials &partials, int32_t row, int32_t column, float multiplier)
{
    constexpr int READS = 8; /* under way at a time: what they wait for is memory */
    merged_piece merged = {};
    merged.maximum = minus_infinity;
#pragma unroll READS
    for (int32_t n = 0; n < partials.count; n++)
        merged.maximum = fmaxf(merged.maximum, partials.maximum[n * partials.rows + row]);
    float base = softmax_base(merged.maximum);
#pragma unroll READS
    for (int32_t n = 0; n < partials.count; n++) {
        float weight = exp2_fast((partials.maximum[n * partials.rows + row] - base) * multiplier);
        const float *out = partials.out + (int64_t)(n * partials.rows + row) * partials.out_stride + column;
        merged.sum += weight * partials.sum[n * partials.rows + row];
#pragma unroll
        for (int i = 0; i < MERGE_PIECE; i++)
            merged.out[i] += weight * out[i];
    }
    return merged;
}

GPU_DEVICE void store_lse(const forward_arguments &args, const gpu_sequence &sequence, const query_row &row, float lse)
{
    if (args.lse)
        args.lse[row.head * args.problem.metadata.total_q + sequence.first_query + row.query] = lse;
}

/* Merges partials of all rows of an item and writes out and lse: thread `thread` of THREADS that do so. A ROWS answers
 * for a row of the item: at(row), a query_row, and out(row), where its out goes. */
template <typename EXPONENT, int THREADS, typename ROWS>
GPU_DEVICE void finish_partials(const forward_arguments &args, const forward_item &item, const ROWS &rows,
                                const row_partials &partials, int32_t thread)
{
    using T = typename EXPONENT::weight_type;
    const gpu_problem &problem = args.problem;
    const int32_t pieces = problem.value_dim / MERGE_PIECE;
    for (int32_t n = thread; n < item.rows * pieces; n += THREADS) {
        int32_t row = n / pieces;
        int32_t column = (n - row * pieces) * MERGE_PIECE;
        merged_piece merged = merge_partials(partials, row, column, problem.multiplier);
        const query_row place = rows.at(row);
        row_result result = softmax_finish<EXPONENT>(problem, place.head, merged.maximum, merged.sum);
        words_16 packed;
#pragma unroll
        for (int i = 0; i < 4; i++)
            packed.word[i] = element_pair<T>(merged.out[2 * i] * result.scale, merged.out[2 * i + 1] * result.scale);
        store_16(rows.out(row) + column * (int)sizeof(T), packed);
        if (column == 0)
            store_lse(args, item.sequence, place, result.lse);
    }
}

/* The partials of an item's parts in the workspace, from part `first` on. */
GPU_DEVICE row_partials partials_of(const forward_arguments &args, const forward_item &item, int32_t first,
                                    int32_t count)
{
    int64_t number = (int64_t)first_partial(args.problem, item) + first;
    int32_t stride = args.problem.value_dim;
    const int32_t rows = args.policy.decode_tile_rows;
    return {args.partial_out + number * rows * stride,
            args.partial_maximum + number * rows,
            args.partial_sum + number * rows,
            count,
            rows,
            stride};
}

/* Merges partials of all rows of an item into one, that of its part. */
template <int THREADS>
GPU_DEVICE void store_partial(const forward_arguments &args, const forward_item &item, const row_partials &partials)
{
    const int32_t pieces = args.problem.value_dim / MERGE_PIECE;
    row_partials to = partials_of(args, item, item.part, 1);
    for (int32_t n = thread_index(); n < item.rows * pieces; n += THREADS) {
        int32_t row = n / pieces;
        int32_t column = (n - row * pieces) * MERGE_PIECE;
        merged_piece merged = merge_partials(partials, row, column, args.problem.multiplier);
#pragma unroll
        for (int i = 0; i < MERGE_PIECE; i++)
            to.out[row * to.out_stride + column + i] = merged.out[i];
        if (column == 0) {
            to.maximum[row] = merged.maximum;
            to.sum[row] = merged.sum;
        }
    }
}

/* Whether this block is the last of an item's parts to arrive here; then it sees what the others have written. */
GPU_DEVICE bool arrive_last(const forward_arguments &args, const forward_item &item, int32_t *shared)
{
    fence();
    block_barrier();
    if (thread_index() == 0)
        *shared = atomic_add(&args.plan.arrivals[first_partial(args.problem, item)], 1);
    block_barrier();
    fence();
    return *shared == item.parts - 1;
}

#endif
