/* The part of the tolerance that does not hang on luck, backward; see slack.h. */
#include "oracle.h"
#include "slack.h"
#include "slack_row.h"

#include <math.h>

/* delta[i] = dot(dout[i], out[i]) - dlse[i]: its value, the size of its terms, and how far off it is if taken from the
 * `out` that the pass is handed. */
typedef struct row_delta {
    double value;
    double size;
    double handed;
} row_delta;

static row_delta delta_of(const sequence *s, const slack_row *row, const double *w, const double *dout)
{
    row_delta delta = {0};
    for (int64_t j = 0; j < s->keys; j++) {
        if (w[j] == 0)
            continue;
        double kept = w[j] * oracle_drop(s, row->i, row->head, j);
        delta.value += kept * oracle_dot(dout, oracle_v_row(s, j, row->head), s->value_dim);
        delta.size += kept * slack_magnitude(dout, oracle_v_row(s, j, row->head), s->value_dim);
    }
    const double *out = s->out + (row->i * s->q_heads + row->head) * s->value_dim;
    delta.handed = fabs(oracle_dot(dout, out, s->value_dim) - delta.value);
    const double dlse = oracle_dlse(s, row->i, row->head, row->lse);
    delta.value -= dlse;
    delta.size += fabs(dlse);
    return delta;
}

/* Slacks of the gradients: dq, dk and dv. */
typedef struct backward_sums {
    slack_sums dq;
    slack_sums dk;
    slack_sums dv;
} backward_sums;

static slack_sums row_of(slack_sums sums, int64_t row, int32_t dim)
{
    return (slack_sums){sums.sums + row * dim, sums.squares + row * dim};
}

static void backward_row(const sequence *s, varlen_dtype dtype, int64_t i, int32_t head, double *w,
                         const backward_sums *to, double *dsinks)
{
    slack_row row = slack_row_begin(s, i, head, w);
    int64_t query = i * s->q_heads + head;
    const double *dout = s->dout + query * s->value_dim;
    row_delta delta = delta_of(s, &row, w, dout);
    for (int64_t j = 0; j < s->keys; j++) {
        /* Of huge scores, no digit is left when an lse has been rounded: the weight may be any from 0 to 1. */
        const bool lost = s->sharp && oracle_sees(s, i, j);
        if (w[j] == 0 && !lost)
            continue;
        double dropped = oracle_drop(s, i, head, j);
        double weight = lost ? 0 : slack_of(w[j] * slack_row_weight(s, &row, j));
        double dw = dropped * oracle_dot(dout, oracle_v_row(s, j, head), s->value_dim);
        double dw_size = dropped * slack_magnitude(dout, oracle_v_row(s, j, head), s->value_dim);
        double scale = fabs(s->scale);
        slack_term ds = {
            .value = scale * w[j] * fabs(dw - delta.value),
            .due = scale * (weight * fabs(dw - delta.value) + w[j] * slack_of(dw_size + delta.size)),
            .shift = scale * w[j] * delta.handed,
        };
        slack_term kept = {.value = w[j] * dropped, .due = weight * dropped};
        if (lost) {
            ds.shift += scale * (fabs(dw - delta.value) + delta.handed);
            kept.shift += dropped;
        }
        int64_t key = j * s->kv_heads + oracle_kv_head(s, head);
        slack_add(row_of(to->dq, query, s->head_dim), dtype, ds, oracle_k_row(s, j, head), s->head_dim);
        slack_add(row_of(to->dk, key, s->head_dim), dtype, ds, oracle_q_row(s, i, head), s->head_dim);
        slack_add(row_of(to->dv, key, s->value_dim), dtype, kept, dout, s->value_dim);
    }
    if (dsinks && isfinite(s->sinks[head]))
        dsinks[head] +=
            exp(s->sinks[head] - row.lse) * (slack_of(delta.size * (1 + fabs(s->sinks[head]) + row.b)) + delta.handed);
}

static slack_sums sums_of(memory_pool *pool, double *sums, int64_t count)
{
    return (slack_sums){sums, memory_take(pool, count, sizeof(double))};
}

void slack_backward(memory_pool *pool, const sequence *s, varlen_dtype dtype, const gradients *g)
{
    int64_t queries = s->queries * s->q_heads * s->head_dim, keys = s->keys * s->kv_heads * s->head_dim;
    int64_t values = s->keys * s->kv_heads * s->value_dim;
    double *weights = memory_take(pool, s->keys, sizeof *weights);
    const backward_sums sums = {sums_of(pool, g->dq, queries), sums_of(pool, g->dk, keys),
                                sums_of(pool, g->dv, values)};
    for (int64_t i = 0; i < s->queries; i++)
        for (int32_t head = 0; head < s->q_heads; head++)
            backward_row(s, dtype, i, head, weights, &sums, g->dsinks);
    slack_finish(sums.dq, queries);
    slack_finish(sums.dk, keys);
    slack_finish(sums.dv, values);
}
