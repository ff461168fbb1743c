/* Steps on scores, over any sums of a matrix [query row][key] that threads hold together, as platform.h has them of
 * warp_sums, in whichever pass and family of kernels. What they need to know of its rows and keys, a ROWS answers:
 *
 *     problem, sequence
 *     first_key()                the key of column 0
 *     row(slot)   -> query_row   that a slot of this thread stands for
 *     seen(slot)  -> gpu_span    keys that it sees
 *     tree(slot)  -> uint64_t    word of a tree mask, where there is one
 *     lse(slot), delta(slot)     of backward: see softmax_gradient.h */
#ifndef VARLEN_GPU_SCORE_STEPS_H
#define VARLEN_GPU_SCORE_STEPS_H

#include "call/mask.h"
#include "call/score.h"

/* Products q.k become scores. */
template <typename SUMS, typename ROWS> GPU_DEVICE void transform_scores(SUMS &scores, const ROWS &rows)
{
    const int32_t first = rows.first_key();
    score_row of_slot[SUMS::SLOTS];
#pragma unroll
    for (int slot = 0; slot < SUMS::SLOTS; slot++)
        of_slot[slot] = score_row_of(rows.problem, rows.sequence, rows.row(slot));
    scores.for_each_run([&](int slot, int column, float *run) {
#pragma unroll
        for (int i = 0; i < SUMS::RUN; i++)
            run[i] = score_of(rows.problem, of_slot[slot], first + column + i, run[i]);
    });
}

/* Scores of keys that a row does not see become -infinity. */
template <typename SUMS, typename ROWS> GPU_DEVICE void mask_scores(SUMS &scores, const ROWS &rows)
{
    gpu_span seen[SUMS::SLOTS];
#pragma unroll
    for (int slot = 0; slot < SUMS::SLOTS; slot++)
        seen[slot] = rows.seen(slot);
    const int32_t first = rows.first_key();
    scores.for_each_run([&](int slot, int column, float *run) {
#pragma unroll
        for (int i = 0; i < SUMS::RUN; i++) {
            const int32_t key = first + column + i;
            if (key < seen[slot].begin || key >= seen[slot].end)
                run[i] = minus_infinity;
        }
    });
}

/* Likewise, of pairs that a tree mask hides. */
template <typename SUMS, typename ROWS> GPU_DEVICE void mask_tree(SUMS &scores, const ROWS &rows)
{
    const int32_t first = rows.first_key() - (rows.sequence.keys - rows.sequence.queries);
    scores.for_each_run([&](int slot, int column, float *run) {
        const int32_t key = first + column;
        const uint32_t bits = tree_bits(rows.tree(slot), key);
#pragma unroll
        for (int i = 0; i < SUMS::RUN; i++)
            if (!(bits >> i & 1))
                run[i] = minus_infinity;
    });
}

/* Weights of keys that are dropped become 0; the others are scaled when their row is finished. */
template <typename SUMS, typename ROWS>
GPU_DEVICE void drop_weights(SUMS &weights, const ROWS &rows, const philox_key &key)
{
    const int32_t first = rows.first_key();
    query_row of_slot[SUMS::SLOTS];
#pragma unroll
    for (int slot = 0; slot < SUMS::SLOTS; slot++)
        of_slot[slot] = rows.row(slot);
    weights.for_each_run([&](int slot, int column, float *run) {
        drop_run<SUMS::RUN>(rows.problem, key, rows.sequence, of_slot[slot], first + column, 1.0f, run);
    });
}

template <typename SUMS> GPU_DEVICE void scale_sums(SUMS &sums, float factor)
{
    sums.for_each_run([&](int, int, float *run) {
#pragma unroll
        for (int i = 0; i < SUMS::RUN; i++)
            run[i] *= factor;
    });
}

#endif
