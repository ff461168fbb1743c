/* The online softmax of one row in float64, and what a kernel's step of it may be off. */
#ifndef VARLEN_TESTS_CPU_KERNELS_PLAIN_SOFTMAX_H
#define VARLEN_TESTS_CPU_KERNELS_PLAIN_SOFTMAX_H

#include "score_rule.h"

#include <stdint.h>

/* The score of a product q.k, in its own units. */
double plain_score(const score_rule *rule, double product, double slope, int32_t position, int32_t key);

/* 2^((score - reference) * multiplier); 0 for -infinity. */
double plain_weight(double score, double reference, double multiplier);

typedef struct plain_row {
    double maximum; /* of the scores so far; -infinity before the first */
    double sum;     /* of their weights, relative to it */
} plain_row;

plain_row plain_row_begun(void);

/* One step over `keys` scores, `stride` apart. */
void plain_row_step(plain_row *row, const float *scores, int64_t stride, int32_t keys, double multiplier);

/* What a kernel left behind after the same step. */
typedef struct plain_step {
    const float *weights;
    int64_t stride; /* of weights and scores */
    float maximum, sum, rescale;
    const float *scores; /* as they were */
} plain_step;

/* `row` is the row after the step, `was` before it. */
void plain_row_check(const plain_row *row, const plain_row *was, const plain_step *got, int32_t keys, double multiplier,
                     int column);

#endif
