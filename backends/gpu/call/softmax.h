/* The online softmax (Milakov and Gimelshein, 2018) over the rows of any sums: see score_steps.h. */
#ifndef VARLEN_GPU_SOFTMAX_H
#define VARLEN_GPU_SOFTMAX_H

#include "call/score_steps.h"
#include "platform.h"

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
    float maximum[SLOTS]; /* the largest score, or one that lags behind it (softmax_weigh); -infinity: nothing seen */
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

/* A weight is exp2 of its exponent: (score - maximum) * multiplier, times weight_one. There are two ways to compute it,
 * of which a score rule has one (score_rule.h). Either has a reference for each row, which stands for the maximum.
 *
 * Here, a product of score and multiplier and its distance from the reference, which is in units of log2 and has the
 * shift of weights, are one operation, rounded once. But the reference was rounded before: where that matters, scores
 * are subtracted from each other first. */
template <typename T> struct fused_exponent {
    using weight_type = T;

    GPU_DEVICE static float multiplier(const gpu_problem &problem)
    {
        return problem.multiplier;
    }

    /* Rounded once, so that the exponent of the maximum's own weight is the shift, or its neighbour where scores are
     * large. */
    GPU_DEVICE static float reference(const gpu_problem &problem, float base)
    {
        return base * problem.multiplier + weight_shift<T>;
    }

    GPU_DEVICE static bool is_huge(float reference)
    {
        return magnitude(reference) > SCORE_HUGE;
    }

    /* Scores of rows whose reference is huge become relative to their maximum. */
    template <typename SUMS>
    GPU_DEVICE static void subtract_huge(SUMS &scores, float (&reference)[SUMS::SLOTS], const float *maximum)
    {
        bool huge = false;
#pragma unroll
        for (int slot = 0; slot < SUMS::SLOTS; slot++)
            huge = huge || is_huge(reference[slot]);
        if (!warp_any(huge))
            return;
        scores.for_each_run([&](int slot, int, float *run) {
#pragma unroll
            for (int i = 0; i < SUMS::RUN; i++)
                if (is_huge(reference[slot]))
                    run[i] -= maximum[slot];
        });
#pragma unroll
        for (int slot = 0; slot < SUMS::SLOTS; slot++)
            if (is_huge(reference[slot]))
                reference[slot] = weight_shift<T>;
    }

    GPU_DEVICE static float of(float score, float reference, float multiplier)
    {
        return score * multiplier - reference;
    }

    /* A finished row's maximum in units of log2, as the reference has it, which weights are relative to. */
    GPU_DEVICE static float in_log2(const gpu_problem &problem, float maximum)
    {
        return reference(problem, maximum) - weight_shift<T>;
    }
};

/* Here, scores are subtracted from each other first everywhere, which takes fewer registers; they are in their own
 * units (docs/semantics.md) if anything has become of them. The reference is a score. */
template <typename T> struct exact_exponent {
    using weight_type = T;

    GPU_DEVICE static float multiplier(const gpu_problem &problem)
    {
        return problem.multiplier;
    }

    GPU_DEVICE static float reference(const gpu_problem &, float base)
    {
        return base;
    }

    GPU_DEVICE static bool is_huge(float)
    {
        return false;
    }

    template <typename SUMS> GPU_DEVICE static void subtract_huge(SUMS &, float (&)[SUMS::SLOTS], const float *)
    {
    }

    GPU_DEVICE static float of(float score, float reference, float multiplier)
    {
        return (score - reference) * multiplier - weight_shift<T>;
    }

    GPU_DEVICE static float in_log2(const gpu_problem &problem, float maximum)
    {
        return maximum * problem.multiplier;
    }
};

/* Of the threads that share a row of the sums. Other sums than a warp's come with one of their own. */
template <int ROWS, int COLUMNS> GPU_DEVICE float row_max(const warp_sums<ROWS, COLUMNS> &, float x)
{
    return sums_row_max(x);
}

template <typename SUMS> GPU_DEVICE void scale_rows(SUMS &sums, const float (&factor)[SUMS::SLOTS])
{
    sums.for_each_run([&](int slot, int, float *run) {
#pragma unroll
        for (int i = 0; i < SUMS::RUN; i++)
            run[i] *= factor[slot];
    });
}

/* The largest score of each of a thread's rows; -infinity where it has none. */
template <typename SUMS> GPU_DEVICE void find_largest(SUMS &scores, float (&largest)[SUMS::SLOTS])
{
#pragma unroll
    for (int slot = 0; slot < SUMS::SLOTS; slot++)
        largest[slot] = minus_infinity;
    scores.for_each_run([&](int slot, int, float *run) {
#pragma unroll
        for (int i = 0; i < SUMS::RUN; i++)
            largest[slot] = fmaxf(largest[slot], run[i]);
    });
#pragma unroll
    for (int slot = 0; slot < SUMS::SLOTS; slot++)
        largest[slot] = row_max(scores, largest[slot]);
}

/* scores become weights relative to their rows' references, and are added to their sums. */
template <typename EXPONENT, typename SUMS>
GPU_DEVICE void exponentiate(SUMS &scores, const float (&reference)[SUMS::SLOTS], float (&sum)[SUMS::SLOTS],
                             float multiplier)
{
    scores.for_each_run([&](int slot, int, float *run) {
#pragma unroll
        for (int i = 0; i < SUMS::RUN; i++) {
            run[i] = exp2_fast(EXPONENT::of(run[i], reference[slot], multiplier));
            sum[slot] += run[i];
        }
    });
}

/* Whether a score's weight relative to `maximum` is above 2^LAG; that of -infinity to itself is not. */
template <int LAG> GPU_DEVICE bool is_beyond_lag(float score, float maximum, float multiplier)
{
    return (score - maximum) * multiplier > LAG;
}

/* scores become weights, and the state goes on to their maximum; out is to be rescaled to it by `rescale`. With a LAG,
 * in powers of two, the state stays where it is as long as no weight is above 2^LAG: sums have room for that, and out
 * is hardly ever rescaled. Each row decides for itself. find(scores, largest) finds the largest of its scores, also of
 * those that other warps have. */
template <typename EXPONENT, int LAG = 0, typename SUMS, typename FIND>
GPU_DEVICE void softmax_weigh_by(SUMS &scores, softmax_state<SUMS::SLOTS> &state, float (&rescale)[SUMS::SLOTS],
                                 const gpu_problem &problem, FIND find)
{
    const float multiplier = EXPONENT::multiplier(problem);
    float largest[SUMS::SLOTS];
    find(scores, largest);
    float reference[SUMS::SLOTS];
#pragma unroll
    for (int slot = 0; slot < SUMS::SLOTS; slot++) {
        const float seen = fminf(fmaxf(state.maximum[slot], largest[slot]), FLT_MAX);
        const bool lags = LAG > 0 && !is_beyond_lag<LAG>(seen, state.maximum[slot], multiplier);
        const float maximum = lags ? state.maximum[slot] : seen;
        const float base = softmax_base(maximum);
        reference[slot] = EXPONENT::reference(problem, base);
        rescale[slot] = exp2_fast((state.maximum[slot] - base) * multiplier);
        state.maximum[slot] = maximum;
        state.sum[slot] *= rescale[slot];
    }
    EXPONENT::subtract_huge(scores, reference, state.maximum);
    exponentiate<EXPONENT>(scores, reference, state.sum, multiplier);
}

/* The same where a warp has all scores of its rows. */
template <typename EXPONENT, int LAG = 0, typename SUMS>
GPU_DEVICE void softmax_weigh(SUMS &scores, softmax_state<SUMS::SLOTS> &state, float (&rescale)[SUMS::SLOTS],
                              const gpu_problem &problem)
{
    softmax_weigh_by<EXPONENT, LAG>(scores, state, rescale, problem,
                                    [](SUMS &of, float(&largest)[SUMS::SLOTS]) { find_largest(of, largest); });
}

/* The same where the state stays where it is, of all rows of the warp, and no reference is huge. Says whether that is
 * so, and otherwise does nothing: what most chunks of a long sequence need is little code. */
template <typename EXPONENT, int LAG, typename SUMS>
GPU_DEVICE bool softmax_weigh_in_place(SUMS &scores, softmax_state<SUMS::SLOTS> &state, const gpu_problem &problem)
{
    const float multiplier = EXPONENT::multiplier(problem);
    float largest[SUMS::SLOTS];
    float reference[SUMS::SLOTS];
    bool stays = true;
    find_largest(scores, largest);
#pragma unroll
    for (int slot = 0; slot < SUMS::SLOTS; slot++) {
        reference[slot] = EXPONENT::reference(problem, softmax_base(state.maximum[slot]));
        stays = stays && !is_beyond_lag<LAG>(largest[slot], state.maximum[slot], multiplier) &&
                !EXPONENT::is_huge(reference[slot]);
    }
    if (warp_any(!stays))
        return false;
    exponentiate<EXPONENT>(scores, reference, state.sum, multiplier);
    return true;
}

/* Mostly, no maximum of the warp's rows has moved. */
template <typename OUT> GPU_DEVICE void softmax_rescale(OUT &out, const float (&rescale)[OUT::SLOTS])
{
    bool moved = false;
#pragma unroll
    for (int slot = 0; slot < OUT::SLOTS; slot++)
        moved = moved || rescale[slot] != 1.0f;
    if (warp_any(moved))
        scale_rows(out, rescale);
}

/* Both. */
template <typename EXPONENT, typename SUMS, typename OUT>
GPU_DEVICE void softmax_step(SUMS &scores, softmax_state<SUMS::SLOTS> &state, OUT &out, const gpu_problem &problem)
{
    float rescale[SUMS::SLOTS];
    softmax_weigh<EXPONENT>(scores, state, rescale, problem);
    softmax_rescale(out, rescale);
}

/* What a row's sums become. */
struct row_result {
    float scale; /* of the sums */
    float lse;
};

constexpr float ln2 = 0.693147181f;

/* Of a row's maximum and sum. The reference is in units of log2; where a score has too little room there, and with a
 * sink, lse is found in its own units. */
template <typename EXPONENT>
GPU_DEVICE row_result softmax_finish(const gpu_problem &problem, int32_t head, float maximum, float sum)
{
    constexpr float one = weight_one<typename EXPONENT::weight_type>;
    float reference = EXPONENT::in_log2(problem, maximum);
    float direct = make_finite(maximum * problem.unit);
    bool has_room = magnitude(reference) < FLT_MAX;
    float scale = 1.0f;
    reference = maximum == minus_infinity ? maximum : make_finite(reference);
    sum *= 1.0f / one;
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
    return {scale * kept * reciprocal(sum) * (1.0f / one), has_room ? lse : direct};
}

#endif
