/* From scores to softmax weights, down the columns of a panel, for one block of keys. */
#ifndef VARLEN_CPU_SOFTMAX_H
#define VARLEN_CPU_SOFTMAX_H

#include "kernels/columns.h"

#include <float.h>

/* How a product q.k becomes a score in units of log2. */
typedef struct score_rule {
    float multiplier;      /* score = multiplier * x, where x is the product, or what score_transform made of it */
    float transform_scale; /* what score_transform multiplies the product by */
    float softcap_log2;    /* softcap * log2(e); 0 = none */
    int transform;         /* whether score_transform is needed: softcap, ALiBi or a scale <= 0 */
} score_rule;

static inline score_rule score_rule_of(const cpu_inputs *inputs)
{
    const varlen_attention *attention = inputs->attention;
    float scale = attention->softmax_scale;
    if (attention->softcap > 0.0f)
        return (score_rule){.multiplier = 1.0f,
                            .transform_scale = scale / attention->softcap,
                            .softcap_log2 = attention->softcap * cpu_log2e,
                            .transform = 1};
    if (inputs->alibi_slopes || scale <= 0.0f)
        return (score_rule){.multiplier = 1.0f, .transform_scale = scale * cpu_log2e, .transform = 1};
    return (score_rule){.multiplier = scale * cpu_log2e};
}

/* Scale, softcap and ALiBi, in place. */
static inline void score_transform(float *scores, const panel_columns *columns, const score_rule *rule, int32_t begin,
                                   int32_t end)
{
    for (int v = 0; v < columns->vectors; v++) {
        vfloat slope = vector_load(columns->slope + v * LANES);
        vint position = vector_load_int(columns->position + v * LANES);
        for (int32_t key = begin; key < end; key++) {
            float *address = scores + (int64_t)(key - begin) * PANEL + v * LANES;
            vfloat score = vector_load(address) * rule->transform_scale;
            if (rule->softcap_log2 != 0.0f)
                score = vector_tanh(score) * rule->softcap_log2;
            vfloat distance = vector_abs(__builtin_convertvector(position - key, vfloat));
            vector_store(address, score - slope * distance);
        }
    }
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

/* Transforms and masks the products of keys begin .. end - 1, where that is asked. */
static inline void score_adjust(float *scores, const panel_columns *columns, const score_rule *rule, int32_t begin,
                                int32_t end)
{
    if (rule->transform)
        score_transform(scores, columns, rule, begin, end);
    if (begin < columns->common_begin || end > columns->common_end)
        score_mask(scores, columns, begin, end);
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

/* One step of the online softmax (Milakov and Gimelshein, 2018) over `keys` rows of scores, in place: scores become
 * weights exp2(score - maximum), and maximum, sum and rescale of the columns move on. */
static inline void softmax_step(float *scores, panel_columns *columns, float multiplier, int32_t keys)
{
    for (int v = 0; v < columns->vectors; v++) {
        float *column = scores + v * LANES;
        vfloat largest = softmax_largest(column, keys);

        vfloat before = vector_load(columns->maximum + v * LANES);
        vfloat maximum = vector_min(vector_max(before, largest * multiplier), vector_splat(FLT_MAX));
        /* A column that has seen nothing yet keeps -infinity; 0 in its place keeps -infinity - -infinity away. */
        vfloat reference = vector_select(maximum == -INFINITY, vector_splat(0.0f), maximum);
        vfloat sum = vector_splat(0.0f);
        for (int32_t key = 0; key < keys; key++) {
            float *address = column + (int64_t)key * PANEL;
            vfloat weight = vector_exp2_nonpositive(vector_load(address) * multiplier - reference);
            sum += weight;
            vector_store(address, weight);
        }
        vfloat rescale = vector_exp2_nonpositive(before - reference);
        vector_store(columns->maximum + v * LANES, maximum);
        vector_store(columns->rescale + v * LANES, rescale);
        vector_store(columns->sum + v * LANES, vector_load(columns->sum + v * LANES) * rescale + sum);
    }
}

#endif
