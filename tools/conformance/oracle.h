/* The oracle: docs/semantics.md in float64, as short and as plain as it can be said. */
#ifndef VARLEN_TESTS_ORACLE_H
#define VARLEN_TESTS_ORACLE_H

#include "sequence.h"

#include <stdbool.h>

int64_t oracle_position(const sequence *s, int64_t i);                    /* p of query i */
bool oracle_sees(const sequence *s, int64_t i, int64_t j);                /* whether query i sees key j */
float oracle_drop(const sequence *s, int64_t i, int32_t head, int64_t j); /* 0 or 1 / (1 - p) */
int32_t oracle_kv_head(const sequence *s, int32_t head);                  /* that query head `head` reads */

/* Rows of one head: of q for query head `head`, of k and v for the kv head that it reads. */
const double *oracle_q_row(const sequence *s, int64_t i, int32_t head);
const double *oracle_k_row(const sequence *s, int64_t j, int32_t head);
const double *oracle_v_row(const sequence *s, int64_t j, int32_t head);

double oracle_dot(const double *a, const double *b, int32_t count);

/* The gradient of lse[i], given what that is. */
double oracle_dlse(const sequence *s, int64_t i, int32_t head, double lse);

/* Writes w[i, 0 .. keys - 1], 0 where not visible; returns lse[i]. */
double oracle_softmax(const sequence *s, int64_t i, int32_t head, double *w);

/* Writes out [queries, q_heads, value_dim] and lse [queries, q_heads]. `weights`: scratch for `keys` doubles. */
void oracle_forward(const sequence *s, double *weights, double *out, double *lse);

/* Adds the gradients of sum(dout * out) + sum(dlse * lse) to what is there. `weights`: scratch for `keys` doubles. */
void oracle_backward(const sequence *s, double *weights, const gradients *g);

#endif
