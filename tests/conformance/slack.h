/* The part of the tolerance that float32 arithmetic is due in any order of operations. A plain implementation's error
 * in a row is one draw of many and may be 0 by luck; this is an estimate from the size of the terms, to first order,
 * and never is. It lies far below one rounding of a 16-bit dtype. */
#ifndef VARLEN_TESTS_SLACK_H
#define VARLEN_TESTS_SLACK_H

#include "sequence.h"

/* A few roundings of a term of this size to float32. */
double slack_of(double magnitude);

/* Written, shaped as the outputs of oracle_forward. `weights`: scratch for `keys` doubles. */
void slack_forward(const sequence *s, double *weights, double *out, double *lse);

/* Added to what is there, as oracle_backward does. Here there is another part: what the rounding of the `out` that the
 * pass is handed, and may take delta from, is worth. */
void slack_backward(const sequence *s, double *weights, const gradients *g);

#endif
