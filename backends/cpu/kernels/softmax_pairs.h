/* softmax.h's step for weights that are rounded to pairs of bfloat16 at once: on AMX. */
#ifndef VARLEN_CPU_SOFTMAX_PAIRS_H
#define VARLEN_CPU_SOFTMAX_PAIRS_H

#include "kernels/pairs.h"
#include "kernels/softmax.h"

/* The reference that a column's weights are relative to moves only when a score exceeds it by this much, in units of
 * log2: hardly ever after the first block, so that outputs are seldom rescaled. */
#define SOFTMAX_PAIRS_SLACK 8.0f

/* 2^x for finite x up to SOFTMAX_PAIRS_SLACK or so, and for -infinity, at most 2.1 ulp off. 2^0 is exact, NaN stays
 * NaN. As vector_exp2_nonpositive with a polynomial of degree 5, whose largest relative error is the least; at -127 the
 * exponent field of 2^n is 0, and so is the result. */
static inline vfloat softmax_pairs_exp2(vfloat x)
{
    const float to_exponent_field = 12582912.0f + 127.0f;
    x = vector_max(vector_splat(-127.0f), x);
    vfloat shifted = x + to_exponent_field;
    vfloat f = x - (shifted - to_exponent_field);
    vfloat p = f * 0.00132647273f + 0.00967151299f;
    p = p * f + 0.0555073358f;
    p = p * f + 0.240222424f;
    p = p * f + 0.693147004f;
    p = p * f + 1.0f;
    return p * (vfloat)((vuint)shifted << 23);
}

/* Moves the reference of one vector of columns on, sets rescale, and returns what weights are relative to. */
static inline vfloat softmax_pairs_reference(panel_columns *columns, int v, vfloat largest)
{
    vfloat before = vector_load(columns->maximum + v * LANES);
    vfloat score = vector_min(vector_splat(FLT_MAX), largest);
    vint moved = score > before + SOFTMAX_PAIRS_SLACK;
    vfloat reference = vector_select(moved, score, before);
    /* Before the first visible key there is nothing to rescale, and outputs are 0. */
    vfloat rescale = softmax_pairs_exp2(before - reference);
    rescale = vector_select(moved & (before != -INFINITY), rescale, vector_splat(1.0f));
    vector_store(columns->maximum + v * LANES, reference);
    vector_store(columns->rescale + v * LANES, rescale);
    /* A column that has seen nothing yet keeps -infinity; 0 in its place keeps -infinity - -infinity away. */
    return vector_select(reference == -INFINITY, vector_splat(0.0f), reference);
}

/* Lanes where the product of score and multiplier has to be rounded before the reference is subtracted: the reference
 * was, which matters when both are larger than this; or it overflows. */
static inline vint softmax_pairs_huge(vfloat largest)
{
    return (vint)(vector_abs(largest) > 0x1p23f) & (vint)(largest != -INFINITY);
}

static inline int softmax_pairs_any(vint lanes)
{
    return _mm512_test_epi32_mask((__m512i)lanes, (__m512i)lanes) != 0;
}

/* Scores of these lanes become differences: their multiplier is 1 then, their reference 0. */
static inline void softmax_pairs_subtract(float *column, vfloat reference, vfloat multiplier, vint lanes, int32_t keys)
{
    for (int32_t key = 0; key < keys; key++) {
        float *address = column + (int64_t)key * PANEL;
        vfloat score = vector_load(address);
        vfloat limited = vector_min(vector_splat(FLT_MAX), score * multiplier);
        vector_store(address, vector_select(lanes, limited - reference, score));
    }
}

/* Weights of scores, in pairs; returns their sum. */
static inline vfloat softmax_pairs_weights(float *pairs, const float *column, vfloat reference, vfloat multiplier,
                                           int32_t keys)
{
    vfloat sum = vector_splat(0.0f);
    for (int32_t key = 0; key < keys; key += 2) {
        const float *address = column + (int64_t)key * PANEL;
        vfloat first = softmax_pairs_exp2(vector_load(address) * multiplier - reference);
        vfloat second = vector_splat(0.0f);
        if (key + 1 < keys)
            second = softmax_pairs_exp2(vector_load(address + PANEL) * multiplier - reference);
        sum += first;
        sum += second;
        vector_store(pairs + (int64_t)(key / 2) * PANEL, pairs_round(first, second));
    }
    return sum;
}

/* One step of the online softmax over one vector of `keys` rows of scores, which are overwritten: weights
 * exp2(score - maximum) in pairs of neighbouring keys. The columns' maximum is the reference, not always the largest
 * score. */
static inline void softmax_pairs_step(float *pairs, float *scores, panel_columns *columns, int v, float multiplier,
                                      int32_t keys)
{
    float *column = scores + v * LANES;
    vfloat factor = vector_splat(multiplier);
    vfloat largest = softmax_largest(column, keys) * multiplier;
    vfloat reference = softmax_pairs_reference(columns, v, largest);
    vint huge = softmax_pairs_huge(largest);
    if (softmax_pairs_any(huge)) {
        softmax_pairs_subtract(column, reference, factor, huge, keys);
        factor = vector_select(huge, vector_splat(1.0f), factor);
        reference = vector_select(huge, vector_splat(0.0f), reference);
    }
    vfloat sum = softmax_pairs_weights(pairs + v * LANES, column, reference, factor, keys);
    vfloat total = vector_load(columns->sum + v * LANES) * vector_load(columns->rescale + v * LANES);
    vector_store(columns->sum + v * LANES, total + sum);
}

#endif
