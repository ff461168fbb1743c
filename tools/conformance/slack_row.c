/* How far off the weights of one query row and head may be; see slack_row.h. */
#include "slack_row.h"

#include "oracle.h"
#include "slack.h"

#include <math.h>

double slack_magnitude(const double *a, const double *b, int32_t count)
{
    double sums[4] = {0};
    int32_t n = 0;
    for (; n + 4 <= count; n += 4)
        for (int32_t i = 0; i < 4; i++)
            sums[i] += fabs(a[n + i] * b[n + i]);
    for (; n < count; n++)
        sums[0] += fabs(a[n] * b[n]);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

void slack_add(slack_sums to, varlen_dtype dtype, slack_term term, const double *values, int32_t count)
{
    static const double unit[] = {[VARLEN_FLOAT32] = 0x1p-24, [VARLEN_FLOAT16] = 0x1p-11, [VARLEN_BFLOAT16] = 0x1p-8};
    double rounding = 2 * unit[dtype] * term.value;
    double square = rounding * rounding + term.due * term.due;
    double shared = slack_of(fabs(term.value)) + term.shift;
    for (int32_t n = 0; n < count; n++) {
        to.sums[n] += shared * fabs(values[n]);
        to.squares[n] += square * values[n] * values[n];
    }
}

void slack_finish(slack_sums of, int64_t count)
{
    for (int64_t n = 0; n < count; n++)
        of.sums[n] += sqrt(of.squares[n]);
}

/* a[j] */
static double score_slack(const sequence *s, int64_t i, int32_t head, int64_t j)
{
    double dot = slack_magnitude(oracle_q_row(s, i, head), oracle_k_row(s, j, head), s->head_dim);
    double bias = s->slopes ? fabs(s->slopes[head] * (double)(oracle_position(s, i) - j)) : 0;
    return fabs(s->scale) * dot + bias + fmin(s->softcap, fabs(s->scale) * dot);
}

slack_row slack_row_begin(const sequence *s, int64_t i, int32_t head, double *w)
{
    slack_row row = {.i = i, .head = head, .lse = oracle_softmax(s, i, head, w)};
    double squares = 0;
    for (int64_t j = 0; j < s->keys; j++) {
        double error = w[j] > 0 ? w[j] * score_slack(s, i, head, j) : 0;
        squares += error * error;
    }
    row.b = 1 + sqrt(squares) + (isfinite(row.lse) ? fabs(row.lse) : 0);
    return row;
}

double slack_row_weight(const sequence *s, const slack_row *row, int64_t j)
{
    return 1 + score_slack(s, row->i, row->head, j) + row->b;
}
