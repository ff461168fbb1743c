/* From the sums of a tile's rows to out and lse.
 *
 * Where several warps, or several blocks, have each seen a part of the keys, every part leaves its share of a row: sums
 * relative to its own maximum. Shares are merged in order of the parts, whoever does it, so that bits do not depend on
 * who came last. */
#ifndef VARLEN_GPU_FORWARD_FINISH_H
#define VARLEN_GPU_FORWARD_FINISH_H

#include "finish/outside.h"
#include "finish/stored_sums.h"
#include "warp_tiles/forward_tile.h"

/* Shares of the rows of a tile. */
struct row_shares {
    float *out;     /* [count][rows][out_stride] */
    float *maximum; /* [count][rows] */
    float *sum;     /* [count][rows] */
    int32_t count;
    int32_t rows;       /* allocated, not all of them in use */
    int32_t out_stride; /* floats from a row to the next */
};

constexpr int SHARE_PIECE = 8; /* values that a thread merges */

struct share_piece {
    float out[SHARE_PIECE];
    float maximum;
    float sum;
};

GPU_DEVICE share_piece merge_shares(const row_shares &shares, int32_t row, int32_t column, float multiplier)
{
    share_piece merged = {};
    merged.maximum = minus_infinity;
    for (int32_t n = 0; n < shares.count; n++)
        merged.maximum = fmaxf(merged.maximum, shares.maximum[n * shares.rows + row]);
    float base = softmax_base(merged.maximum);
    for (int32_t n = 0; n < shares.count; n++) {
        float weight = exp2_fast((shares.maximum[n * shares.rows + row] - base) * multiplier);
        const float *out = shares.out + (int64_t)(n * shares.rows + row) * shares.out_stride + column;
        merged.sum += weight * shares.sum[n * shares.rows + row];
#pragma unroll
        for (int i = 0; i < SHARE_PIECE; i++)
            merged.out[i] += weight * out[i];
    }
    return merged;
}

/* What a row's sums become. */
struct row_result {
    float scale; /* of the sums */
    float lse;
};

constexpr float ln2 = 0.693147181f;

/* maximum and sum of a row whose weights have been a T's. The reference is in units of log2; where a score has too
 * little room there, and with a sink, lse is found in its own units. */
template <typename T, bool EXACT>
GPU_DEVICE row_result finish_row(const gpu_problem &problem, int32_t head, float maximum, float sum)
{
    float reference = EXACT ? maximum * problem.multiplier
                            : softmax_reference<T>(problem, maximum, problem.multiplier) - weight_shift<T>;
    float direct = make_finite(maximum * problem.unit);
    bool has_room = magnitude(reference) < FLT_MAX;
    float scale = 1.0f;
    reference = maximum == minus_infinity ? maximum : make_finite(reference);
    sum *= 1.0f / weight_one<T>;
    if (problem.sinks) {
        const float sink = problem.sinks[head];
        const float score = has_room || maximum == minus_infinity ? reference * ln2 : direct;
        const float above = fmaxf(score, sink);
        const float base = softmax_base(above);
        scale = exp2_fast((score - base) * gpu_log2e);
        sum = sum * scale + exp2_fast((sink - base) * gpu_log2e);
        direct = above + log2_accurate(sum) * ln2;
        has_room = false;
        reference = above;
    }
    if (reference == minus_infinity)
        return {0.0f, minus_infinity};
    const float kept = problem.dropout_threshold ? 1.0f / (1.0f - problem.dropout_p) : 1.0f;
    const float lse = (reference + log2_accurate(sum)) * ln2;
    return {scale * kept * reciprocal(sum) * (1.0f / weight_one<T>), has_room ? lse : direct};
}

GPU_DEVICE void store_lse(const forward_arguments &args, const gpu_sequence &sequence, const query_row &row, float lse)
{
    if (args.lse)
        args.lse[row.head * args.problem.metadata.total_q + sequence.first_query + row.query] = lse;
}

/* Merges shares of all rows of an item and writes out and lse. */
template <typename T, int THREADS, typename WORK>
GPU_DEVICE void finish_shares(const WORK &work, const row_shares &shares)
{
    const forward_arguments &args = work.args;
    const forward_item &item = work.item;
    const gpu_problem &problem = args.problem;
    const int32_t pieces = problem.value_dim / SHARE_PIECE;
    for (int32_t n = thread_index(); n < item.rows * pieces; n += THREADS) {
        int32_t row = n / pieces;
        int32_t column = (n - row * pieces) * SHARE_PIECE;
        share_piece merged = merge_shares(shares, row, column, problem.multiplier);
        query_row place = work.shared.rows[row];
        row_result result = finish_row<T, WORK::GENERAL>(problem, place.head, merged.maximum, merged.sum);
        words_16 packed;
#pragma unroll
        for (int i = 0; i < 4; i++)
            packed.word[i] = element_pair<T>(merged.out[2 * i] * result.scale, merged.out[2 * i + 1] * result.scale);
        store_16(work.shared.out_rows[row] + column * (int)sizeof(T), packed);
        if (column == 0)
            store_lse(args, item.sequence, place, result.lse);
    }
}

/* The shares of an item's parts in the workspace, from part `first` on. */
GPU_DEVICE row_shares partial_shares(const forward_arguments &args, const forward_item &item, int32_t first,
                                     int32_t count)
{
    int64_t number = (int64_t)first_partial(args.problem, item) + first;
    int32_t stride = args.problem.value_dim;
    return {args.partial_out + number * DECODE_TILE_ROWS * stride,
            args.partial_maximum + number * DECODE_TILE_ROWS,
            args.partial_sum + number * DECODE_TILE_ROWS,
            count,
            DECODE_TILE_ROWS,
            stride};
}

/* Merges shares of all rows of an item into one share, that of its part. */
template <int THREADS>
GPU_DEVICE void store_partial(const forward_arguments &args, const forward_item &item, const row_shares &shares)
{
    const int32_t pieces = args.problem.value_dim / SHARE_PIECE;
    row_shares to = partial_shares(args, item, item.part, 1);
    for (int32_t n = thread_index(); n < item.rows * pieces; n += THREADS) {
        int32_t row = n / pieces;
        int32_t column = (n - row * pieces) * SHARE_PIECE;
        share_piece merged = merge_shares(shares, row, column, args.problem.multiplier);
#pragma unroll
        for (int i = 0; i < SHARE_PIECE; i++)
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

/* For layouts whose warps share rows. */
template <typename T, typename WORK, typename LAYOUT> GPU_DEVICE void finish_merged(WORK &work)
{
    using memory_type = typename WORK::memory_type;
    const forward_arguments &args = work.args;
    const forward_item &item = work.item;
    constexpr int stride = memory_type::MERGE_STRIDE;
    constexpr int rows = LAYOUT::ROWS;
    float *out = work.memory.merge();
    float *maximum = out + LAYOUT::KEY_WARPS * rows * stride;
    float *sum = maximum + LAYOUT::KEY_WARPS * rows;
    const int warp = thread_index() / WARP;
    block_barrier(); /* keys and values are no longer needed */
    if (warp < LAYOUT::ROW_WARPS * LAYOUT::KEY_WARPS) {
        const int first = warp / LAYOUT::ROW_WARPS * rows + work.warp_row;
        work.out.for_each_run([&](int slot, int column, float *run) {
#pragma unroll
            for (int i = 0; i < WORK::out_type::RUN; i++)
                out[(first + work.out.slot_row(slot)) * stride + column + i] = run[i];
        });
        if (sums_first_lane())
#pragma unroll
            for (int slot = 0; slot < WORK::SLOTS; slot++) {
                maximum[first + work.out.slot_row(slot)] = work.state.maximum[slot];
                sum[first + work.out.slot_row(slot)] = work.state.sum[slot];
            }
    }
    block_barrier();
    row_shares shares = {out, maximum, sum, LAYOUT::KEY_WARPS, rows, stride};
    if (item.parts == 1) {
        finish_shares<T, LAYOUT::THREADS>(work, shares);
        return;
    }
    store_partial<LAYOUT::THREADS>(args, item, shares);
    if (arrive_last(args, item, &work.shared.arrivals))
        finish_shares<T, LAYOUT::THREADS>(work, partial_shares(args, item, 0, item.parts));
}

/* Whether this warp has rows; the others have only helped to copy. */
template <typename LAYOUT> GPU_DEVICE bool owns_rows()
{
    return thread_index() / WARP < LAYOUT::ROW_WARPS;
}

/* Rows of a warp's sums into out: whole lines, by way of shared memory. */
template <typename T, typename WORK, typename LAYOUT> GPU_DEVICE void store_out_by_shared_memory(WORK &work)
{
    block_barrier(); /* q is no longer needed */
    auto tile = work.memory.out();
    if (owns_rows<LAYOUT>())
        store_sums(tile, work.warp_row, 0, work.out);
    block_barrier();
    using shares = copy_shares<LAYOUT::THREADS, LAYOUT::ROWS>;
    for (int32_t row = shares::first_row(); row < work.item.rows; row += shares::AT_ONCE) {
        char *to = work.shared.out_rows[row];
        for (int32_t column = shares::column(); column < work.args.problem.value_dim; column += 64)
            store_16(to + column * (int)sizeof(T), *(const words_16 *)tile.piece(row, column));
    }
}

/* The same, from the threads that hold them. */
template <typename T, typename WORK, typename LAYOUT> GPU_DEVICE void store_out(WORK &work)
{
    if (!owns_rows<LAYOUT>() || work.warp_row >= work.item.rows)
        return;
    store_sums_to_rows<T>(work.out, work.item.rows - work.warp_row, work.args.problem.value_dim,
                          [&](int32_t row) { return work.shared.out_rows[work.warp_row + row]; });
}

/* For layouts whose warps each own their rows. */
template <typename T, typename WORK, typename LAYOUT> GPU_DEVICE void finish_owned(WORK &work)
{
    const forward_arguments &args = work.args;
    const gpu_problem &problem = args.problem;
    const forward_item &item = work.item;
    row_result result[WORK::SLOTS];
#pragma unroll
    for (int slot = 0; slot < WORK::SLOTS; slot++) {
        int32_t row = work.warp_row + work.out.slot_row(slot);
        query_row place = work.row_of_slot(slot);
        result[slot] =
            finish_row<T, WORK::GENERAL>(problem, place.head, work.state.maximum[slot], work.state.sum[slot]);
        if (owns_rows<LAYOUT>() && sums_first_lane() && row < item.rows)
            store_lse(args, item.sequence, place, result[slot].lse);
    }
    work.out.for_each_run([&](int slot, int, float *run) {
#pragma unroll
        for (int i = 0; i < WORK::out_type::RUN; i++)
            run[i] *= result[slot].scale;
    });
    if constexpr (WORK::TUNING.out_by_shared_memory)
        store_out_by_shared_memory<T, WORK, LAYOUT>(work);
    else
        store_out<T, WORK, LAYOUT>(work);
}

#endif
