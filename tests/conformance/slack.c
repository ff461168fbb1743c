/* The part of the tolerance that float32 arithmetic is due; see slack.h.
 *
 * With u = 2^-24, an error of a few u in every operation makes, to first order,
 *     score s[i,j]      u * a[j]              a[j] = |scale| * sum |q * k| + |slope * (p - j)| + softcap
 *     lse[i]            u * b                 b = |lse| + sum over j of w[j] * (1 + a[j])
 *     weight w[i,j]     u * w[j] * r[j]       r[j] = 1 + a[j] + b
 * and every product of a weight inherits r[j]. */
#include "slack.h"

#include "oracle.h"

#include <math.h>

double slack_of(double magnitude)
{
    return 4 * 0x1p-24 * magnitude;
}

/* One query row and head. */
typedef struct slack_row {
    int64_t i;
    int32_t head;
    double lse;
    double b;
} slack_row;

static double magnitude(const double *a, const double *b, int32_t count)
{
    double sum = 0;
    for (int32_t n = 0; n < count; n++)
        sum += fabs(a[n] * b[n]);
    return sum;
}

/* a[j] */
static double score_slack(const sequence *s, int64_t i, int32_t head, int64_t j)
{
    double sum = fabs(s->scale) * magnitude(oracle_q_row(s, i, head), oracle_k_row(s, j, head), s->head_dim);
    if (s->slopes)
        sum += fabs(s->slopes[head] * (double)(oracle_position(s, i) - j));
    return sum + s->softcap;
}

static slack_row begin_row(const sequence *s, int64_t i, int32_t head, double *w)
{
    slack_row row = {.i = i, .head = head, .lse = oracle_softmax(s, i, head, w)};
    row.b = isfinite(row.lse) ? fabs(row.lse) : 0;
    for (int64_t j = 0; j < s->keys; j++)
        if (w[j] > 0)
            row.b += w[j] * (1 + score_slack(s, i, head, j));
    return row;
}

/* r[j] */
static double weight_slack(const sequence *s, const slack_row *row, int64_t j)
{
    return 1 + score_slack(s, row->i, row->head, j) + row->b;
}

static void add_scaled(double *sum, double factor, const double *values, int32_t count)
{
    for (int32_t n = 0; n < count; n++)
        sum[n] += factor * fabs(values[n]);
}

void slack_forward(const sequence *s, double *w, double *out, double *lse)
{
    for (int64_t i = 0; i < s->queries; i++) {
        for (int32_t head = 0; head < s->q_heads; head++) {
            slack_row row = begin_row(s, i, head, w);
            double *row_out = out + (i * s->q_heads + head) * s->value_dim;
            lse[i * s->q_heads + head] = slack_of(row.b);
            for (int32_t n = 0; n < s->value_dim; n++)
                row_out[n] = 0;
            for (int64_t j = 0; j < s->keys; j++)
                if (w[j] > 0)
                    add_scaled(row_out, slack_of(w[j] * oracle_drop(s, i, head, j) * weight_slack(s, &row, j)),
                               oracle_v_row(s, j, head), s->value_dim);
        }
    }
}

/* delta[i] = dot(dout[i], out[i]): the size of its terms, and how far off it is if taken from the `out` that the pass
 * is handed, which has been rounded. */
typedef struct delta_slack {
    double size;
    double handed;
} delta_slack;

static delta_slack delta_of(const sequence *s, const slack_row *row, const double *w, const double *dout)
{
    const double *out = s->out + (row->i * s->q_heads + row->head) * s->value_dim;
    delta_slack delta = {0};
    for (int32_t n = 0; n < s->value_dim; n++)
        delta.handed += dout[n] * out[n];
    for (int64_t j = 0; j < s->keys; j++) {
        if (w[j] == 0)
            continue;
        double kept = w[j] * oracle_drop(s, row->i, row->head, j);
        const double *v = oracle_v_row(s, j, row->head);
        delta.size += kept * magnitude(dout, v, s->value_dim);
        for (int32_t n = 0; n < s->value_dim; n++)
            delta.handed -= kept * dout[n] * v[n];
    }
    delta.handed = fabs(delta.handed);
    return delta;
}

static void backward_row(const sequence *s, int64_t i, int32_t head, double *w, const gradients *g)
{
    slack_row row = begin_row(s, i, head, w);
    const double *dout = s->dout + (i * s->q_heads + head) * s->value_dim;
    delta_slack delta = delta_of(s, &row, w, dout);
    for (int64_t j = 0; j < s->keys; j++) {
        if (w[j] == 0)
            continue;
        double dropped = oracle_drop(s, i, head, j), weight = w[j] * weight_slack(s, &row, j);
        double dw = dropped * magnitude(dout, oracle_v_row(s, j, head), s->value_dim);
        double ds = fabs(s->scale) * (slack_of(weight * (dw + delta.size)) + w[j] * delta.handed);
        int64_t key = j * s->kv_heads + oracle_kv_head(s, head);
        add_scaled(g->dq + (i * s->q_heads + head) * s->head_dim, ds, oracle_k_row(s, j, head), s->head_dim);
        add_scaled(g->dk + key * s->head_dim, ds, oracle_q_row(s, i, head), s->head_dim);
        add_scaled(g->dv + key * s->value_dim, slack_of(weight * dropped), dout, s->value_dim);
    }
    if (g->dsinks)
        g->dsinks[head] +=
            exp(s->sinks[head] - row.lse) * (slack_of(delta.size * (1 + fabs(s->sinks[head]) + row.b)) + delta.handed);
}

void slack_backward(const sequence *s, double *w, const gradients *g)
{
    for (int64_t i = 0; i < s->queries; i++)
        for (int32_t head = 0; head < s->q_heads; head++)
            backward_row(s, i, head, w, g);
}
