/* Operands and softmax of the plain implementation; see plain_softmax.h. */
#include "plain_softmax.h"

#include "dtypes.h"
#include "oracle.h"

#include <math.h>

/* The values times `factor`, as a tensor of the dtype. */
static const float *scaled(memory_pool *pool, const double *values, int64_t count, float factor, varlen_dtype dtype)
{
    float *result = memory_take(pool, count, sizeof *result);
    for (int64_t n = 0; n < count; n++)
        result[n] = dtype_round(dtype, (float)values[n] * factor);
    return result;
}

plain_operands plain_prepare(memory_pool *pool, const sequence *s, varlen_dtype dtype)
{
    float kept = 1 / (1 - s->dropout_p);
    return (plain_operands){
        .dtype = dtype,
        .kept = kept,
        .q = scaled(pool, s->q, s->queries * s->q_heads * s->head_dim, 1, dtype),
        .k = scaled(pool, s->k, s->keys * s->kv_heads * s->head_dim, (float)s->scale, dtype),
        .v = scaled(pool, s->v, s->keys * s->kv_heads * s->value_dim, kept, dtype),
    };
}

float plain_dot(const float *a, const float *b, int32_t count)
{
    float sum = 0;
    for (int32_t n = 0; n < count; n++)
        sum += a[n] * b[n];
    return sum;
}

const float *plain_q_row(const sequence *s, const plain_operands *p, int64_t i, int32_t head)
{
    return p->q + (i * s->q_heads + head) * s->head_dim;
}

const float *plain_k_row(const sequence *s, const plain_operands *p, int64_t j, int32_t head)
{
    return p->k + (j * s->kv_heads + oracle_kv_head(s, head)) * s->head_dim;
}

const float *plain_v_row(const sequence *s, const plain_operands *p, int64_t j, int32_t head)
{
    return p->v + (j * s->kv_heads + oracle_kv_head(s, head)) * s->value_dim;
}

/* The bias is float32, so adding it leaves the dtype. */
static float score(const sequence *s, const plain_operands *p, int64_t i, int32_t head, int64_t j, float *capped)
{
    float value = plain_dot(plain_q_row(s, p, i, head), plain_k_row(s, p, j, head), s->head_dim);
    value = dtype_round(p->dtype, value);
    if (s->softcap > 0) {
        float cap = (float)s->softcap;
        float tangent = dtype_round(p->dtype, tanhf(dtype_round(p->dtype, value / cap)));
        if (capped)
            capped[j] = tangent;
        value = dtype_round(p->dtype, tangent * cap);
    }
    if (s->slopes)
        value -= (float)s->slopes[head] * fabsf((float)(oracle_position(s, i) - j));
    return value;
}

plain_row plain_softmax(const sequence *s, const plain_operands *p, int64_t i, int32_t head, float *weights,
                        float *capped)
{
    float largest = s->sinks ? (float)s->sinks[head] : -INFINITY;
    for (int64_t j = 0; j < s->keys; j++) {
        weights[j] = oracle_sees(s, i, j) ? score(s, p, i, head, j, capped) : -INFINITY;
        largest = fmaxf(largest, weights[j]);
    }
    if (largest == -INFINITY)
        largest = 0;
    float sink = s->sinks ? expf((float)s->sinks[head] - largest) : 0;
    float sum = sink;
    for (int64_t j = 0; j < s->keys; j++)
        sum += weights[j] = expf(weights[j] - largest);
    for (int64_t j = 0; j < s->keys && sum > 0; j++)
        weights[j] = dtype_round(p->dtype, weights[j] / sum);
    return (plain_row){.lse = largest + logf(sum), .sink = sum > 0 ? sink / sum : 0};
}
