/* How a product q.k becomes a score, and in which range the softmax computes with it. docs/semantics.md, "Range", says
 * what is promised; this is how it is kept at no cost to ordinary numbers.
 *
 * Scores stay in units of their own, and what the softmax keeps of a row is its largest score, not that score in units
 * of log2: wherever products of scores and multiplier are too large to be subtracted from each other, scores are first.
 *
 * Weights are relative to the largest score of a row and have a factor of 2^-23, so that sums of weighted values stay
 * in range too. It is a power of two, and goes again when the row is finished: no digit of the result depends on it. */
#ifndef VARLEN_CPU_SCORE_RULE_H
#define VARLEN_CPU_SCORE_RULE_H

#include <varlen/varlen.h>

#include <float.h>
#include <math.h>

static const float cpu_log2e = 1.44269504f; /* softmax works in units of log2 */

/* Exponent of what a weight of 1 is held as. On AMX, weights may be up to 2^8 larger than 1: see softmax_pairs.h. */
#define SCORE_ONE_EXPONENT (-23)
#define SCORE_ONE 0x1p-23

/* In units of log2. Beyond, a product of score and multiplier is rounded by as much as matters to a weight. */
#define SCORE_HUGE 0x1p23f

typedef struct score_rule {
    float multiplier;      /* of a score, to units of log2; > 0 */
    float unit;            /* of a score, to the score of docs/semantics.md; > 0 */
    float transform_scale; /* what score_transform multiplies the product by */
    float softcap;         /* 0 = none */
    int transform; /* whether a score is more than the product: softcap, ALiBi, or a scale that is not positive */
} score_rule;

/* Infinities become the largest numbers. */
static inline float score_finite(float x)
{
    return x > FLT_MAX ? FLT_MAX : x < -FLT_MAX ? -FLT_MAX : x;
}

static inline score_rule score_rule_of(const varlen_attention *attention, const float *alibi_slopes)
{
    float scale = attention->softmax_scale;
    float multiplier = score_finite(scale * cpu_log2e);
    score_rule rule = {.multiplier = cpu_log2e, .unit = 1.0f, .transform_scale = scale, .transform = 1};
    if (attention->softcap > 0.0f) {
        rule.transform_scale = score_finite(scale / attention->softcap);
        rule.softcap = attention->softcap;
    } else if (!alibi_slopes && multiplier >= FLT_MIN) {
        rule = (score_rule){.multiplier = multiplier, .unit = scale};
    }
    return rule;
}

/* A score in units of log2, rounded: never fused with what comes after. */
static inline float score_in_log2(const score_rule *rule, float score)
{
    return score == -INFINITY ? -INFINITY : score * rule->multiplier;
}

/* 2^(smaller - larger) of two scores. */
static inline float score_ratio(const score_rule *rule, float smaller, float larger)
{
    float from = score_in_log2(rule, larger);
    if (fabsf(from) > SCORE_HUGE)
        return exp2f((smaller - larger) * rule->multiplier);
    return exp2f(score_in_log2(rule, smaller) - from);
}

/* The score of docs/semantics.md that a row's weights are relative to. */
static inline double score_reference(const score_rule *rule, float largest)
{
    const double ln2 = 0.69314718055994530942;
    float in_log2 = score_in_log2(rule, largest);
    return fabsf(in_log2) > SCORE_HUGE ? (double)largest * rule->unit : in_log2 * ln2;
}

#endif
