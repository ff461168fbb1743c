/* Weights again, from forward's lse, and the gradients of scores, over any sums: see score_steps.h. lse is that of
 * forward in units of log2, delta the product of a row's dout and out, less the gradient of its lse. */
#ifndef VARLEN_GPU_SOFTMAX_GRADIENT_H
#define VARLEN_GPU_SOFTMAX_GRADIENT_H

#include "call/score_steps.h"

/* Whether an lse, which has been rounded, may lie so far below a score that a weight is not about 1, but infinite. */
GPU_DEVICE bool lse_is_huge(float lse)
{
    constexpr float limit = 0x1p20f;
    return magnitude(lse) > limit;
}

/* Scores of such rows become relative to it, and at most 0. */
template <typename SUMS>
GPU_DEVICE void subtract_huge_lse(SUMS &scores, const gpu_problem &problem, float (&lse)[SUMS::SLOTS])
{
    const float unit = 1.0f / problem.multiplier;
    float subtrahend[SUMS::SLOTS];
    float limit[SUMS::SLOTS];
#pragma unroll
    for (int slot = 0; slot < SUMS::SLOTS; slot++) {
        const bool huge = lse_is_huge(lse[slot]);
        subtrahend[slot] = huge ? make_finite(lse[slot] * unit) : 0.0f; /* a mask's -infinity stays */
        limit[slot] = huge ? 0.0f : FLT_MAX;
        lse[slot] = huge ? 0.0f : lse[slot];
    }
    scores.for_each_run([&](int slot, int, float *run) {
#pragma unroll
        for (int i = 0; i < SUMS::RUN; i++)
            run[i] = fminf(run[i] - subtrahend[slot], limit[slot]);
    });
}

/* S becomes P. */
template <typename SUMS, typename ROWS> GPU_DEVICE void weigh_scores(SUMS &weights, const ROWS &rows)
{
    float lse[SUMS::SLOTS];
#pragma unroll
    for (int slot = 0; slot < SUMS::SLOTS; slot++)
        lse[slot] = rows.lse(slot);
    const float multiplier = rows.problem.multiplier;
    bool huge = false;
#pragma unroll
    for (int slot = 0; slot < SUMS::SLOTS; slot++)
        huge = huge || lse_is_huge(lse[slot]);
    if (warp_any(huge))
        subtract_huge_lse(weights, rows.problem, lse);
    weights.for_each_run([&](int slot, int, float *weight) {
#pragma unroll
        for (int i = 0; i < SUMS::RUN; i++)
            weight[i] = exp2_fast(weight[i] * multiplier - lse[slot]);
    });
}

/* dP becomes dS. */
template <typename SUMS, typename ROWS>
GPU_DEVICE void differentiate_scores(SUMS &gradients, SUMS &weights, const ROWS &rows)
{
    float delta[SUMS::SLOTS];
#pragma unroll
    for (int slot = 0; slot < SUMS::SLOTS; slot++)
        delta[slot] = rows.delta(slot);
    gradients.for_each_run_with(weights, [&](int slot, int, float *gradient, float *weight) {
#pragma unroll
        for (int i = 0; i < SUMS::RUN; i++)
            gradient[i] = weight[i] * (gradient[i] - delta[slot]);
    });
}

/* Both at once, from products q.k and dP, for any score rule: softcap's derivative is found from a product. dS needs P
 * itself, dV the weights that were kept. */
template <typename SUMS, typename ROWS>
GPU_DEVICE void differentiate_products(SUMS &gradients, SUMS &weights, const ROWS &rows)
{
    const gpu_problem &problem = rows.problem;
    const float kept = 1.0f / (1.0f - problem.dropout_p);
    const int32_t first = rows.first_key();
    philox_key key = {};
    if (problem.dropout_threshold)
        key = dropout_key(problem);
    weights.for_each_run_with(gradients, [&](int slot, int column, float *weight, float *gradient) {
        const query_row row = rows.row(slot);
        const score_row score_row = score_row_of(problem, rows.sequence, row);
        const int32_t run_key = first + column;
        float drop[SUMS::RUN];
#pragma unroll
        for (int i = 0; i < SUMS::RUN; i++)
            drop[i] = 1.0f;
        if (problem.dropout_threshold)
            drop_run<SUMS::RUN>(problem, key, rows.sequence, row, run_key, kept, drop);
#pragma unroll
        for (int i = 0; i < SUMS::RUN; i++) {
            const float slope = softcap_slope(problem, weight[i]); /* the mask has been here */
            const float score =
                weight[i] == minus_infinity ? minus_infinity : score_of(problem, score_row, run_key + i, weight[i]);
            /* An lse that has been rounded may lie below a huge score. */
            const float p = exp2_fast(fminf(score * gpu_log2e - rows.lse(slot), 0.0f));
            gradient[i] = p * slope * (gradient[i] * drop[i] - rows.delta(slot));
            weight[i] = p * drop[i];
        }
    });
}

#endif
