/* How far off the weights of one query row and head may be. With u = 2^-24, an error of a few u in every float32
 * operation makes, to first order,
 *     score s[i,j]      u * a[j]              a[j] = |scale| * sum |q * k| + |slope * (p - j)|, and what softcap adds:
 *                                             min(softcap, |scale| * sum |q * k|)
 *     lse[i]            u * b                 b = |lse| + sum over j of w[j] * (1 + a[j])
 *     weight w[i,j]     u * w[j] * r[j]       r[j] = 1 + a[j] + b
 * and every product of a weight inherits r[j]. */
#ifndef VARLEN_TESTS_SLACK_ROW_H
#define VARLEN_TESTS_SLACK_ROW_H

#include "sequence.h"

typedef struct slack_row {
    int64_t i;
    int32_t head;
    double lse;
    double b;
} slack_row;

/* Fills weights[0 .. keys - 1] as oracle_softmax does. */
slack_row slack_row_begin(const sequence *s, int64_t i, int32_t head, double *weights);

double slack_row_weight(const sequence *s, const slack_row *row, int64_t j); /* r[j] */

/* The sum of |a[n] * b[n]|. */
double slack_magnitude(const double *a, const double *b, int32_t count);

/* A term of a sum over keys or queries. */
typedef struct slack_term {
    double value; /* a weight or the gradient of a score */
    double due;   /* its error in float32, independent of the other terms' */
    double shift; /* its error that all terms of a row share */
} slack_term;

/* Slacks of one row of sums: independent errors add up as the root of their squares, shared ones and the roundings of
 * the sum itself as they are. */
typedef struct slack_sums {
    double *sums;
    double *squares;
} slack_sums;

/* Adds term * values[0 .. count - 1]. The term itself may be held in the dtype: one rounding, and twice that for the
 * worst of many elements. */
void slack_add(slack_sums to, varlen_dtype dtype, slack_term term, const double *values, int32_t count);

/* sums += the roots of the squares. */
void slack_finish(slack_sums of, int64_t count);

#endif
