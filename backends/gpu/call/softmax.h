/* The online softmax (Milakov and Gimelshein, 2018) over the rows of a warp's scores. */
#ifndef VARLEN_GPU_SOFTMAX_H
#define VARLEN_GPU_SOFTMAX_H

#include "call/score.h"

/* In units of log2. Beyond, a product of score and multiplier is rounded by as much as matters to a weight. */
constexpr float SCORE_HUGE = 0x1p23f;

/* What a weight of 1 is held as. */
template <typename T> constexpr float weight_one = 1.0f;
template <> inline constexpr float weight_one<bfloat16> = 0x1p-15f;

/* The same in units of log2, with its sign turned. */
template <typename T> constexpr float weight_shift = 0.0f;
template <> inline constexpr float weight_shift<bfloat16> = gpu_weight_shift;

/* How far a thread's rows have come. */
template <int SLOTS> struct softmax_state {
    float maximum[SLOTS]; /* the largest score; -infinity: nothing seen */
    float sum[SLOTS];     /* this thread's share */

    GPU_DEVICE void clear()
    {
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++) {
            maximum[slot] = minus_infinity;
            sum[slot] = 0.0f;
        }
    }
};

/* What scores are taken relative to: 0 in place of -infinity keeps -infinity - -infinity away. */
GPU_DEVICE float softmax_base(float maximum)
{
    return maximum == minus_infinity ? 0.0f : maximum;
}

/* The same in units of log2, with the shift of weights. It is added to the score: the constants of both operations are
 * operands that need no registers. */
template <typename T> GPU_DEVICE float softmax_reference(const gpu_problem &problem, float base, float multiplier)
{
    return (weight_shift<T> == 0.0f ? base : base + problem.weight_shift) * multiplier;
}

GPU_DEVICE bool softmax_huge(float reference)
{
    return magnitude(reference) > SCORE_HUGE;
}

/* Scores of huge rows become relative to their maximum. */
template <typename T, int ROWS, int KEYS>
GPU_DEVICE void softmax_subtract(warp_sums<ROWS, KEYS> &scores, float *reference, const float *maximum)
{
    using sums = warp_sums<ROWS, KEYS>;
    scores.for_each_run([&](int slot, int, float *run) {
#pragma unroll
        for (int i = 0; i < sums::RUN; i++)
            if (softmax_huge(reference[slot]))
                run[i] -= maximum[slot];
    });
#pragma unroll
    for (int slot = 0; slot < sums::SLOTS; slot++)
        if (softmax_huge(reference[slot]))
            reference[slot] = weight_shift<T>;
}

/* scores become weights exp2((score - maximum) * multiplier), times weight_one; out, and the sums, are rescaled to the
 * new maximum. A product of score and multiplier and its distance from the reference are one operation, rounded once,
 * but the reference was rounded before: where that matters, scores are subtracted from each other first; with EXACT,
 * which takes fewer registers, everywhere. */
template <typename T, bool EXACT, int ROWS, int KEYS, int VALUES>
GPU_DEVICE void softmax_step(warp_sums<ROWS, KEYS> &scores, softmax_state<warp_sums<ROWS, KEYS>::SLOTS> &state,
                             warp_sums<ROWS, VALUES> &out, const gpu_problem &problem, float multiplier)
{
    using sums = warp_sums<ROWS, KEYS>;
    float largest[sums::SLOTS];
#pragma unroll
    for (int slot = 0; slot < sums::SLOTS; slot++)
        largest[slot] = minus_infinity;
    scores.for_each_run([&](int slot, int, float *run) {
#pragma unroll
        for (int i = 0; i < sums::RUN; i++)
            largest[slot] = fmaxf(largest[slot], run[i]);
    });
    float reference[sums::SLOTS]; /* EXACT: a score; else in units of log2 */
    float rescale[sums::SLOTS];
    bool huge = false;
#pragma unroll
    for (int slot = 0; slot < sums::SLOTS; slot++) {
        const float maximum = fminf(fmaxf(state.maximum[slot], sums_row_max(largest[slot])), FLT_MAX);
        const float base = softmax_base(maximum);
        reference[slot] = EXACT ? base : softmax_reference<T>(problem, base, multiplier);
        rescale[slot] = exp2_fast((state.maximum[slot] - base) * multiplier);
        state.maximum[slot] = maximum;
        state.sum[slot] *= rescale[slot];
        huge = huge || softmax_huge(reference[slot]);
    }
    if (!EXACT && warp_any(huge))
        softmax_subtract<T>(scores, reference, state.maximum);
    scores.for_each_run([&](int slot, int, float *run) {
#pragma unroll
        for (int i = 0; i < sums::RUN; i++) {
            const float exponent = EXACT ? (run[i] - reference[slot]) * multiplier - weight_shift<T>
                                         : run[i] * multiplier - reference[slot];
            run[i] = exp2_fast(exponent);
            state.sum[slot] += run[i];
        }
    });
    bool moved = false;
#pragma unroll
    for (int slot = 0; slot < sums::SLOTS; slot++)
        moved = moved || rescale[slot] != 1.0f;
    if (!warp_any(moved))
        return;
    out.for_each_run([&](int slot, int, float *run) {
#pragma unroll
        for (int i = 0; i < out.RUN; i++)
            run[i] *= rescale[slot];
    });
}

#endif
