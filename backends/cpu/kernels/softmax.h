/* From scores to softmax weights, down the columns of a panel, for one block of keys. */
#ifndef VARLEN_CPU_SOFTMAX_H
#define VARLEN_CPU_SOFTMAX_H

#include "kernels/columns.h"
#include "score_rule.h"

/* |p - j| of a vector of columns that are far. */
static inline vfloat score_far_distance(const panel_columns *columns, int32_t first_column, int32_t key)
{
    vfloat distance;
    for (int lane = 0; lane < LANES; lane++)
        distance[lane] = columns_distance(columns, first_column + lane, key);
    return distance;
}

VECTOR_INLINE void score_transform_by(float *scores, const panel_columns *columns, const score_rule *rule,
                                      int32_t begin, int32_t end, const int far)
{
    for (int v = 0; v < columns->vectors; v++) {
        vfloat slope = vector_load(columns->slope + v * LANES);
        vint position = vector_load_int(columns->position + v * LANES);
        for (int32_t key = begin; key < end; key++) {
            float *address = scores + (int64_t)(key - begin) * PANEL + v * LANES;
            vfloat score = vector_load(address) * rule->transform_scale;
            if (rule->softcap != 0.0f)
                score = vector_tanh(score) * rule->softcap;
            vfloat distance = far ? score_far_distance(columns, v * LANES, key)
                                  : vector_abs(__builtin_convertvector(position - key, vfloat));
            vector_store(address, score - slope * distance);
        }
    }
}

/* Scale, softcap and ALiBi, in place. */
static inline void score_transform(float *scores, const panel_columns *columns, const score_rule *rule, int32_t begin,
                                   int32_t end)
{
    if (columns->far)
        score_transform_by(scores, columns, rule, begin, end, 1);
    else
        score_transform_by(scores, columns, rule, begin, end, 0);
}

/* The derivative of softcap, 1 - tanh^2, at products q.k. */
static inline void score_softcap_slopes(float *slopes, const float *products, const score_rule *rule, int32_t keys,
                                        int vectors)
{
    for (int v = 0; v < vectors; v++)
        for (int32_t key = 0; key < keys; key++) {
            int64_t offset = (int64_t)key * PANEL + v * LANES;
            vfloat t = vector_tanh(vector_load(products + offset) * rule->transform_scale);
            vector_store(slopes + offset, 1.0f - t * t);
        }
}

/* Scores of pairs that the mask hides become -infinity. */
static inline void score_mask(float *scores, const panel_columns *columns, int32_t begin, int32_t end)
{
    vfloat hidden = vector_splat(-INFINITY);
    for (int v = 0; v < columns->vectors; v++) {
        vint first = vector_load_int(columns->first_key + v * LANES);
        vint last = vector_load_int(columns->last_key + v * LANES);
        for (int32_t key = begin; key < end; key++) {
            float *address = scores + (int64_t)(key - begin) * PANEL + v * LANES;
            vint j = vector_splat_int(key);
            vector_store(address, vector_select((first <= j) & (j <= last), vector_load(address), hidden));
        }
    }
}

/* Likewise of pairs that the tree mask hides. */
static inline void score_mask_tree(float *scores, const panel_columns *columns, int32_t begin, int32_t end)
{
    vfloat hidden = vector_splat(-INFINITY);
    for (int v = 0; v < columns->vectors; v++) {
        vuint words[] = {(vuint)vector_load_int((const int32_t *)columns->tree[0] + v * LANES),
                         (vuint)vector_load_int((const int32_t *)columns->tree[1] + v * LANES)};
        for (int32_t key = begin > columns->tree_begin ? begin : columns->tree_begin; key < end; key++) {
            float *address = scores + (int64_t)(key - begin) * PANEL + v * LANES;
            const uint32_t bit = (uint32_t)(key - columns->tree_begin);
            vint visible = (vint)((words[bit / 32] & vector_splat_uint(1u << bit % 32)) != 0);
            vector_store(address, vector_select(visible, vector_load(address), hidden));
        }
    }
}

/* Transforms and masks the products of keys begin .. end - 1, where that is asked. */
static inline void score_adjust(float *scores, const panel_columns *columns, const score_rule *rule, int32_t begin,
                                int32_t end)
{
    if (rule->transform)
        score_transform(scores, columns, rule, begin, end);
    if (begin < columns->common_begin || end > columns->common_end)
        score_mask(scores, columns, begin, end);
    if (columns->has_tree && end > columns->tree_begin)
        score_mask_tree(scores, columns, begin, end);
}

static inline vfloat softmax_largest(const float *column, int32_t keys)
{
    enum { CHAINS = 4 }; /* so that a maximum does not wait for the one before */
    vfloat largest[CHAINS];
    for (int i = 0; i < CHAINS; i++)
        largest[i] = vector_splat(-INFINITY);
    int32_t key = 0;
    for (; key + CHAINS <= keys; key += CHAINS)
        for (int i = 0; i < CHAINS; i++)
            largest[i] = vector_max(largest[i], vector_load(column + (int64_t)(key + i) * PANEL));
    for (; key < keys; key++)
        largest[0] = vector_max(largest[0], vector_load(column + (int64_t)key * PANEL));
    return vector_max(vector_max(largest[0], largest[1]), vector_max(largest[2], largest[3]));
}

static inline vint softmax_huge(vfloat reference)
{
    return (vint)(vector_abs(reference) > SCORE_HUGE);
}

/* Scores of huge columns, relative to their maximum. */
static inline void softmax_subtract(float *column, vint huge, vfloat maximum, int32_t keys)
{
    vfloat subtrahend = (vfloat)((vint)maximum & huge);
    for (int32_t key = 0; key < keys; key++) {
        float *address = column + (int64_t)key * PANEL;
        vector_store(address, vector_load(address) - subtrahend);
    }
}

/* Moves the maximum of one vector of columns on. Returns what exponents are relative to, in units of log2; 0 where
 * scores are now relative to the maximum themselves. */
static inline vfloat softmax_move(float *column, panel_columns *columns, int v, float multiplier, int32_t keys)
{
    vfloat largest = softmax_largest(column, keys);
    vfloat before = vector_load(columns->maximum + v * LANES);
    vfloat maximum = vector_min(vector_max(before, largest), vector_splat(FLT_MAX));
    /* A column that has seen nothing yet keeps -infinity; 0 in its place keeps -infinity - -infinity away. */
    vfloat reference = vector_select(maximum == -INFINITY, vector_splat(0.0f), maximum * multiplier);
    vfloat distance = vector_load(columns->reference + v * LANES) - reference;
    vector_store(columns->maximum + v * LANES, maximum);
    vector_store(columns->reference + v * LANES, reference);
    vint huge = softmax_huge(reference);
    if (vector_any(huge)) {
        softmax_subtract(column, huge, maximum, keys);
        reference = (vfloat)((vint)reference & ~huge);
        distance = vector_select(huge, (before - maximum) * multiplier, distance);
    }
    vector_store(columns->rescale + v * LANES, vector_exp2_nonpositive(distance));
    return reference;
}

/* One step of the online softmax (Milakov and Gimelshein, 2018) over `keys` rows of scores, in place: scores become
 * weights exp2((score - maximum) * multiplier), and maximum, sum and rescale of the columns move on. */
static inline void softmax_step(float *scores, panel_columns *columns, float multiplier, int32_t keys)
{
    for (int v = 0; v < columns->vectors; v++) {
        float *column = scores + v * LANES;
        vfloat reference = softmax_move(column, columns, v, multiplier, keys);
        vfloat sum = vector_splat(0.0f);
        for (int32_t key = 0; key < keys; key++) {
            float *address = column + (int64_t)key * PANEL;
            vfloat weight = vector_exp2_times(vector_load(address) * multiplier - reference, SCORE_ONE_EXPONENT);
            sum += weight;
            vector_store(address, weight);
        }
        vfloat total = vector_load(columns->sum + v * LANES) * vector_load(columns->rescale + v * LANES);
        vector_store(columns->sum + v * LANES, total + sum);
    }
}

#endif
