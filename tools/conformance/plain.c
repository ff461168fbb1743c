/* The plain implementation, forward; see plain.h. */
#include "plain.h"

#include "dtypes.h"
#include "oracle.h"
#include "plain_softmax.h"

static void out_row(const sequence *s, const plain_operands *p, int64_t i, int32_t head, const float *weights,
                    float *sums, double *out)
{
    for (int32_t n = 0; n < s->value_dim; n++)
        sums[n] = 0;
    for (int64_t j = 0; j < s->keys; j++) {
        const float *v = plain_v_row(s, p, j, head);
        if (weights[j] > 0 && oracle_drop(s, i, head, j) > 0)
            for (int32_t n = 0; n < s->value_dim; n++)
                sums[n] += weights[j] * v[n];
    }
    for (int32_t n = 0; n < s->value_dim; n++)
        out[n] = dtype_round(p->dtype, sums[n]);
}

static void forward_out(memory_pool *pool, const sequence *s, varlen_dtype dtype, double *out)
{
    plain_operands p = plain_prepare(pool, s, dtype);
    float *weights = memory_take(pool, s->keys, sizeof *weights);
    float *sums = memory_take(pool, s->value_dim, sizeof *sums);
    for (int64_t i = 0; i < s->queries; i++) {
        for (int32_t head = 0; head < s->q_heads; head++) {
            plain_softmax(s, &p, i, head, weights, NULL);
            out_row(s, &p, i, head, weights, sums, out + (i * s->q_heads + head) * s->value_dim);
        }
    }
}

static void forward_lse(memory_pool *pool, const sequence *s, double *lse)
{
    plain_operands p = plain_prepare(pool, s, VARLEN_FLOAT32);
    float *weights = memory_take(pool, s->keys, sizeof *weights);
    for (int64_t i = 0; i < s->queries; i++)
        for (int32_t head = 0; head < s->q_heads; head++)
            lse[i * s->q_heads + head] = plain_softmax(s, &p, i, head, weights, NULL).lse;
}

void plain_forward(memory_pool *pool, const sequence *s, varlen_dtype dtype, double *out, double *lse)
{
    forward_out(pool, s, dtype, out);
    forward_lse(pool, s, lse);
}
