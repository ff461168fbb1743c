/* The part of the tolerance that does not hang on luck. A plain implementation's error in a row is one draw of many,
 * and may be 0 where an equally good program's is not. Here are, to first order and from the size of the terms, what
 * float32 arithmetic may cost in any order of operations, far below one rounding of a 16-bit dtype; what it costs to
 * hold weights, and gradients of scores, in the dtype, as matrix units want them: one rounding of each, and errors that
 * add up as independent ones do; in backward, what the rounding of the `out` that the pass is handed, and may take
 * delta from, is worth. */
#ifndef VARLEN_TESTS_SLACK_H
#define VARLEN_TESTS_SLACK_H

#include "memory_pool.h"
#include "sequence.h"

/* A few roundings of a term of this size to float32. */
double slack_of(double magnitude);

/* Written, shaped as the outputs of oracle_forward. */
void slack_forward(memory_pool *pool, const sequence *s, varlen_dtype dtype, double *out, double *lse);

/* Added to what is there, as oracle_backward does. */
void slack_backward(memory_pool *pool, const sequence *s, varlen_dtype dtype, const gradients *g);

#endif
