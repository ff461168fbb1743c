/* The plain implementation that the tolerance is measured by: what a framework's one-line attention does in the same
 * dtype. Every tensor that such a program would hold is rounded to the dtype; sums inside an operation are float32. The
 * scale is applied to k and 1 / (1 - p) to v, so that its roundings are not those of any fused kernel. */
#ifndef VARLEN_TESTS_PLAIN_H
#define VARLEN_TESTS_PLAIN_H

#include "memory_pool.h"
#include "sequence.h"

/* Writes out [queries, q_heads, value_dim] as computed in `dtype`, and lse [queries, q_heads] as computed in float32.
 */
void plain_forward(memory_pool *pool, const sequence *s, varlen_dtype dtype, double *out, double *lse);

/* Adds the gradients as computed in `dtype`. */
void plain_backward(memory_pool *pool, const sequence *s, varlen_dtype dtype, const gradients *g);

#endif
