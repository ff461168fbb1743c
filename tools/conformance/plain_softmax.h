/* The operands and the softmax that both passes of the plain implementation begin with. */
#ifndef VARLEN_TESTS_PLAIN_SOFTMAX_H
#define VARLEN_TESTS_PLAIN_SOFTMAX_H

#include "plain.h"

typedef struct plain_operands {
    varlen_dtype dtype;
    float kept;     /* 1 / (1 - p), which v is multiplied by */
    const float *q; /* [queries, q_heads, head_dim] */
    const float *k; /* [keys, kv_heads, head_dim], times the scale */
    const float *v; /* [keys, kv_heads, value_dim], times `kept` */
} plain_operands;

plain_operands plain_prepare(memory_pool *pool, const sequence *s, varlen_dtype dtype);

float plain_dot(const float *a, const float *b, int32_t count);

const float *plain_q_row(const sequence *s, const plain_operands *p, int64_t i, int32_t head);
const float *plain_k_row(const sequence *s, const plain_operands *p, int64_t j, int32_t head);
const float *plain_v_row(const sequence *s, const plain_operands *p, int64_t j, int32_t head);

/* One row of softmax. */
typedef struct plain_row {
    float lse;
    float sink; /* the sink's weight, 0 without sinks */
} plain_row;

/* Fills weights[0 .. keys - 1] with row i's weights, 0 where not visible, and, where softcap is on and `capped` is
 * wanted, the row's tanh values. */
plain_row plain_softmax(const sequence *s, const plain_operands *p, int64_t i, int32_t head, float *weights,
                        float *capped);

#endif
