/* The online softmax (Milakov and Gimelshein, 2018) over the rows of a warp's scores. */
#ifndef VARLEN_GPU_SOFTMAX_H
#define VARLEN_GPU_SOFTMAX_H

#include "score.h"

#include <cfloat>

/* How far a thread's rows have come. */
template <int SLOTS> struct softmax_state {
    float maximum[SLOTS]; /* in units of log2; -infinity: nothing seen */
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

/* What exponents are taken relative to: 0 in place of -infinity keeps -infinity - -infinity away. */
GPU_DEVICE float softmax_reference(float maximum)
{
    return maximum == minus_infinity ? 0.0f : maximum;
}

/* scores become weights exp2(score * multiplier - maximum); out, and the sums, are rescaled to the new maximum. */
template <int ROWS, int KEYS, int VALUES>
GPU_DEVICE void softmax_step(warp_sums<ROWS, KEYS> &scores, softmax_state<warp_sums<ROWS, KEYS>::SLOTS> &state,
                             warp_sums<ROWS, VALUES> &out, float multiplier)
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
    float reference[sums::SLOTS];
    float rescale[sums::SLOTS];
#pragma unroll
    for (int slot = 0; slot < sums::SLOTS; slot++) {
        float maximum = fmaxf(state.maximum[slot], sums_row_max(largest[slot]) * multiplier);
        maximum = fminf(maximum, FLT_MAX); /* products may overflow */
        reference[slot] = softmax_reference(maximum);
        rescale[slot] = exp2_fast(state.maximum[slot] - reference[slot]);
        state.maximum[slot] = maximum;
        state.sum[slot] *= rescale[slot];
    }
    scores.for_each_run([&](int slot, int, float *run) {
#pragma unroll
        for (int i = 0; i < sums::RUN; i++) {
            run[i] = exp2_fast(run[i] * multiplier - reference[slot]);
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
