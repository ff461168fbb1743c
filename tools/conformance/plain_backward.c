/* The plain implementation, backward: the steps that automatic differentiation of plain.c's forward would take. */
#include "dtypes.h"
#include "oracle.h"
#include "plain.h"
#include "plain_softmax.h"

/* Scratch of one query row and head, and the sums of the tensors that all of them add to. */
typedef struct workings {
    plain_operands operands;
    const float *dout;
    const float *out;
    float *weights; /* [keys] */
    float *capped;  /* [keys] */
    float *ds;      /* [keys] */
    float *dq;      /* [head_dim] */
    float *dk;      /* [keys, q_heads, head_dim]: k repeated for every query head */
    float *dv;      /* [keys, q_heads, value_dim]: v repeated */
} workings;

static const float *as_floats(memory_pool *pool, const double *values, int64_t count)
{
    float *floats = memory_take(pool, count, sizeof *floats);
    for (int64_t n = 0; n < count; n++)
        floats[n] = (float)values[n];
    return floats;
}

static workings prepare(memory_pool *pool, const sequence *s, varlen_dtype dtype)
{
    int64_t count = s->queries * s->q_heads * s->value_dim;
    return (workings){
        .operands = plain_prepare(pool, s, dtype),
        .dout = as_floats(pool, s->dout, count),
        .out = as_floats(pool, s->out, count),
        .weights = memory_take(pool, s->keys, sizeof(float)),
        .capped = memory_take(pool, s->keys, sizeof(float)),
        .ds = memory_take(pool, s->keys, sizeof(float)),
        .dq = memory_take(pool, s->head_dim, sizeof(float)),
        .dk = memory_take(pool, s->keys * s->q_heads * s->head_dim, sizeof(float)),
        .dv = memory_take(pool, s->keys * s->q_heads * s->value_dim, sizeof(float)),
    };
}

/* Fills w->ds with the gradient of the row's scores; returns that of the sink's logit. A pass that is handed `out`
 * takes delta from it, with the rounding that `out` has had. */
static float score_gradients(const sequence *s, workings *w, int64_t i, int32_t head)
{
    varlen_dtype dtype = w->operands.dtype;
    plain_row row = plain_softmax(s, &w->operands, i, head, w->weights, w->capped);
    const float *dout = w->dout + (i * s->q_heads + head) * s->value_dim;
    float delta = plain_dot(dout, w->out + (i * s->q_heads + head) * s->value_dim, s->value_dim);
    delta -= (float)oracle_dlse(s, i, head, row.lse);
    for (int64_t j = 0; j < s->keys; j++) {
        float dw = 0;
        if (w->weights[j] > 0 && oracle_drop(s, i, head, j) > 0)
            dw = dtype_round(dtype, plain_dot(dout, plain_v_row(s, &w->operands, j, head), s->value_dim));
        w->ds[j] = dtype_round(dtype, w->weights[j] * (dw - delta));
        if (s->softcap > 0)
            w->ds[j] = dtype_round(dtype, w->ds[j] * (1 - w->capped[j] * w->capped[j]));
    }
    return dtype_round(dtype, -row.sink * delta);
}

static void add_row(const sequence *s, workings *w, int64_t i, int32_t head, const float *dout)
{
    const float *q = plain_q_row(s, &w->operands, i, head);
    for (int32_t n = 0; n < s->head_dim; n++)
        w->dq[n] = 0;
    for (int64_t j = 0; j < s->keys; j++) {
        const float *k = plain_k_row(s, &w->operands, j, head);
        float *dk = w->dk + (j * s->q_heads + head) * s->head_dim;
        float *dv = w->dv + (j * s->q_heads + head) * s->value_dim;
        for (int32_t n = 0; n < s->head_dim; n++) {
            w->dq[n] += w->ds[j] * k[n];
            dk[n] += w->ds[j] * q[n];
        }
        if (w->weights[j] > 0 && oracle_drop(s, i, head, j) > 0)
            for (int32_t n = 0; n < s->value_dim; n++)
                dv[n] += w->weights[j] * dout[n];
    }
}

/* Adds the group's heads to one, each rounded, then their sum, and undoes the scaling of the operand. */
static void fold_heads(const sequence *s, varlen_dtype dtype, const float *repeated, int32_t dim, float factor,
                       double *folded)
{
    int32_t group = s->q_heads / s->kv_heads;
    for (int64_t row = 0; row < s->keys * s->kv_heads; row++) {
        for (int32_t n = 0; n < dim; n++) {
            float sum = 0;
            for (int32_t head = 0; head < group; head++)
                sum += dtype_round(dtype, repeated[(row * group + head) * dim + n]);
            folded[row * dim + n] += dtype_round(dtype, dtype_round(dtype, sum) * factor);
        }
    }
}

void plain_backward(memory_pool *pool, const sequence *s, varlen_dtype dtype, const gradients *g)
{
    workings w = prepare(pool, s, dtype);
    for (int64_t i = 0; i < s->queries; i++) {
        for (int32_t head = 0; head < s->q_heads; head++) {
            int64_t row = i * s->q_heads + head;
            const float *dout = w.dout + row * s->value_dim;
            float dsink = score_gradients(s, &w, i, head);
            add_row(s, &w, i, head, dout);
            for (int32_t n = 0; n < s->head_dim; n++)
                g->dq[row * s->head_dim + n] += dtype_round(dtype, w.dq[n]);
            if (g->dsinks)
                g->dsinks[head] += dsink;
        }
    }
    fold_heads(s, dtype, w.dk, s->head_dim, (float)s->scale, g->dk);
    fold_heads(s, dtype, w.dv, s->value_dim, w.operands.kept, g->dv);
}
