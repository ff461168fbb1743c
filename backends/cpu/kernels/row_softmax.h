/* From scores to softmax weights along a row, for the few rows of a decode tile: softmax.h turned by 90 degrees. */
#ifndef VARLEN_CPU_ROW_SOFTMAX_H
#define VARLEN_CPU_ROW_SOFTMAX_H

#include "kernels/dropout.h"
#include "kernels/softmax.h"

typedef struct row_softmax_rules {
    score_rule score;
    dropout_rule dropout;
} row_softmax_rules;

static inline float largest_lane(vfloat x)
{
    float largest = x[0];
    for (int lane = 1; lane < LANES; lane++)
        largest = largest > x[lane] ? largest : x[lane];
    return largest;
}

static inline float sum_of_lanes(vfloat x)
{
    float sum = 0.0f;
    for (int lane = 0; lane < LANES; lane++)
        sum += x[lane];
    return sum;
}

/* Key numbers begin + first .. of LANES scores. */
static inline vint key_numbers(int32_t begin, int32_t first)
{
    vint numbers;
    for (int lane = 0; lane < LANES; lane++)
        numbers[lane] = begin + first + lane;
    return numbers;
}

/* Whether the tree mask shows them to column `row`. */
static inline vint tree_shows(const panel_columns *columns, vint keys, int32_t row)
{
    vint bit = keys - columns->tree_begin;
    vuint place = (vuint)bit & 31;
    vuint lower = vector_splat_uint(columns->tree[0][row]) >> place;
    vuint upper = vector_splat_uint(columns->tree[1][row]) >> place;
    vuint first_word = (vuint)(bit < 32);
    vuint word = (lower & first_word) | (upper & ~first_word);
    return (vint)((word & 1) != 0) | (bit < 0);
}

/* |p - j| of one row and LANES keys. */
static inline vfloat row_distance(const panel_columns *columns, int32_t row, vint keys)
{
    if (!columns->far)
        return vector_abs(__builtin_convertvector(columns->position[row] - keys, vfloat));
    vfloat distance;
    for (int lane = 0; lane < LANES; lane++)
        distance[lane] = columns_distance(columns, row, keys[lane]);
    return distance;
}

/* Scores of LANES keys, transformed and masked as score_transform and score_mask do it for panels. */
static inline vfloat transform_and_mask(const row_softmax_rules *rules, const panel_columns *columns, vfloat score,
                                        vint keys, int32_t row, int32_t end)
{
    if (rules->score.transform) {
        score *= rules->score.transform_scale;
        if (rules->score.softcap != 0.0f)
            score = vector_tanh(score) * rules->score.softcap;
        score -= columns->slope[row] * row_distance(columns, row, keys);
    }
    int32_t last = columns->last_key[row] < end ? columns->last_key[row] : end - 1;
    vint visible = (columns->first_key[row] <= keys) & (keys <= last);
    if (columns->has_tree && end > columns->tree_begin)
        visible &= tree_shows(columns, keys, row);
    return vector_select(visible, score, vector_splat(-INFINITY));
}

static inline vfloat drop(const dropout_rule *dropout, const panel_columns *columns, vfloat weight, vint keys,
                          int32_t row)
{
    dropout_words words = {{(vuint)keys >> 2, vector_splat_uint((uint32_t)columns->query[row]),
                            vector_splat_uint((uint32_t)columns->head[row]), vector_splat_uint(dropout->sequence)}};
    words = dropout_philox(words, dropout->key);
    for (int32_t w = 0; w < 4; w++) {
        vint dropped = ((keys & 3) == w) & (vint)(words.word[w] < dropout->threshold);
        weight = (vfloat)((vint)weight & ~dropped);
    }
    return weight;
}

/* Moves the maximum of column `row` on. Returns what weights are relative to, in units of log2; where that is huge,
 * scores become relative to the maximum itself. */
static inline float row_softmax_move(float *scores, panel_columns *columns, int32_t row, float largest,
                                     float multiplier, int32_t keys)
{
    float before = columns->maximum[row];
    float maximum = fminf(fmaxf(before, largest), FLT_MAX);
    float base = maximum == -INFINITY ? 0.0f : maximum;
    float reference = maximum == -INFINITY ? 0.0f : maximum * multiplier;
    float distance = columns->reference[row] - reference;
    const int huge = fabsf(reference) > SCORE_HUGE;
    columns->maximum[row] = maximum;
    columns->reference[row] = reference;
    if (huge) {
        distance = (before - base) * multiplier;
        for (int32_t key = 0; key < keys; key += LANES)
            vector_store(scores + key, vector_load(scores + key) - base);
    }
    columns->rescale[row] = vector_exp2_nonpositive(vector_splat(distance))[0];
    return huge ? 0.0f : reference;
}

/* As softmax_step, for keys begin .. end - 1 of column `row`; scores are rounded up to whole vectors of keys, and the
 * weights past the last are 0. */
static inline void row_softmax_step(float *scores, panel_columns *columns, int32_t row, const row_softmax_rules *rules,
                                    int32_t begin, int32_t end)
{
    vfloat largest = vector_splat(-INFINITY);
    for (int32_t key = 0; key < end - begin; key += LANES) {
        vfloat score = transform_and_mask(rules, columns, vector_load(scores + key), key_numbers(begin, key), row, end);
        vector_store(scores + key, score);
        largest = vector_max(largest, score);
    }

    float reference =
        row_softmax_move(scores, columns, row, largest_lane(largest), rules->score.multiplier, end - begin);
    vfloat sum = vector_splat(0.0f);
    for (int32_t key = 0; key < end - begin; key += LANES) {
        vfloat weight =
            vector_exp2_times(vector_load(scores + key) * rules->score.multiplier - reference, SCORE_ONE_EXPONENT);
        sum += weight;
        if (rules->dropout.threshold)
            weight = drop(&rules->dropout, columns, weight, key_numbers(begin, key), row);
        vector_store(scores + key, weight);
    }
    columns->sum[row] = columns->sum[row] * columns->rescale[row] + sum_of_lanes(sum);
}

#endif
