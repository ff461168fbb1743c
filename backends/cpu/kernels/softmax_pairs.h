/* softmax.h's step for weights that are rounded to pairs of bfloat16 at once: on AMX. */
#ifndef VARLEN_CPU_SOFTMAX_PAIRS_H
#define VARLEN_CPU_SOFTMAX_PAIRS_H

#include "kernels/pairs.h"
#include "kernels/softmax.h"

/* The reference that a column's weights are relative to moves only when a score exceeds it by this much, in units of
 * log2: hardly ever after the first block, so that outputs are seldom rescaled. */
#define SOFTMAX_PAIRS_SLACK 8.0f

_Static_assert(SCORE_ONE_EXPONENT + (int)SOFTMAX_PAIRS_SLACK <= -15, "sums of 2^15 weights stay below 1");

/* 2^x * 2^exponent for finite x up to SOFTMAX_PAIRS_SLACK or so, and for -infinity, at most 2.1 ulp off. 2^0 is exact,
 * NaN stays NaN. As vector_exp2_times with a polynomial of degree 5, whose largest relative error is the least; at
 * -127, less the exponent, the exponent field of 2^n is 0, and so is the result. */
VECTOR_INLINE vfloat softmax_pairs_exp2(vfloat x, const int exponent)
{
    const float zero = -127.0f - (float)exponent;
    const float to_exponent_field = 12582912.0f - zero;
    x = vector_max(vector_splat(zero), x);
    vfloat shifted = x + to_exponent_field;
    vfloat f = x - (shifted - to_exponent_field);
    vfloat p = f * 0.00132647273f + 0.00967151299f;
    p = p * f + 0.0555073358f;
    p = p * f + 0.240222424f;
    p = p * f + 0.693147004f;
    p = p * f + 1.0f;
    return p * (vfloat)((vuint)shifted << 23);
}

/* Moves the reference of one vector of columns on, as softmax_move: maximum is the score behind it, not always the
 * largest. Huge ones have no slack. */
static inline vfloat softmax_pairs_move(float *column, panel_columns *columns, int v, float multiplier, int32_t keys)
{
    vfloat before = vector_load(columns->maximum + v * LANES);
    vfloat reference_before = vector_load(columns->reference + v * LANES);
    vfloat score = vector_min(vector_splat(FLT_MAX), softmax_largest(column, keys));
    vfloat reference = score * multiplier;
    vfloat distance = reference_before - reference;
    vint moved = (vint)(reference > reference_before + SOFTMAX_PAIRS_SLACK);
    vfloat largest = vector_max(before, score);
    vint huge = softmax_huge(vector_max(reference_before, reference)) & (vint)(largest != -INFINITY);
    if (vector_any(huge)) {
        softmax_subtract(column, huge, largest, keys);
        moved = (moved & ~huge) | ((vint)(score > before) & huge);
        distance = vector_select(huge, (before - score) * multiplier, distance);
    }
    /* Before the first visible key there is nothing to rescale, and outputs are 0. */
    vint rescaled = moved & (vint)(before != -INFINITY);
    vector_store(columns->rescale + v * LANES,
                 vector_select(rescaled, softmax_pairs_exp2(distance, 0), vector_splat(1.0f)));
    reference = vector_select(moved, reference, reference_before);
    vector_store(columns->maximum + v * LANES, vector_select(moved, score, before));
    vector_store(columns->reference + v * LANES, reference);
    /* A column that has seen nothing yet keeps -infinity; 0 in its place keeps -infinity - -infinity away. */
    return (vfloat)((vint)reference & ~huge & (vint)(largest != -INFINITY));
}

/* Weights of scores, in pairs, each times the scale of its key, and 1 for scales of NULL; returns their sum without
 * scales. */
static inline vfloat softmax_pairs_weights(float *pairs, const float *column, vfloat reference, float multiplier,
                                           const float *scales, int32_t keys)
{
    vfloat sum = vector_splat(0.0f);
    for (int32_t key = 0; key < keys; key += 2) {
        const float *address = column + (int64_t)key * PANEL;
        vfloat first = softmax_pairs_exp2(vector_load(address) * multiplier - reference, SCORE_ONE_EXPONENT);
        vfloat second = vector_splat(0.0f);
        if (key + 1 < keys)
            second = softmax_pairs_exp2(vector_load(address + PANEL) * multiplier - reference, SCORE_ONE_EXPONENT);
        sum += first;
        sum += second;
        if (scales) {
            first *= scales[key];
            second *= scales[key + 1]; /* past the last key, of a weight of 0 */
        }
        vector_store(pairs + (int64_t)(key / 2) * PANEL, pairs_round(first, second));
    }
    return sum;
}

/* One step of the online softmax over one vector of `keys` rows of scores, which are overwritten: weights
 * exp2((score - maximum) * multiplier) times `scales`, in pairs of neighbouring keys. The columns' maximum is the score
 * behind the reference, not always the largest one. */
static inline void softmax_pairs_step(float *pairs, float *scores, panel_columns *columns, int v, float multiplier,
                                      const float *scales, int32_t keys)
{
    float *column = scores + v * LANES;
    vfloat reference = softmax_pairs_move(column, columns, v, multiplier, keys);
    vfloat sum = softmax_pairs_weights(pairs + v * LANES, column, reference, multiplier, scales, keys);
    vfloat total = vector_load(columns->sum + v * LANES) * vector_load(columns->rescale + v * LANES);
    vector_store(columns->sum + v * LANES, total + sum);
}

#endif
