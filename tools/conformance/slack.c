/* The part of the tolerance that does not hang on luck, forward; see slack.h. */
#include "slack.h"

#include "oracle.h"
#include "slack_row.h"

#include <math.h>

/* Four: a vectorised sum of a few hundred terms stays below it. */
double slack_of(double magnitude)
{
    return 4 * 0x1p-24 * magnitude;
}

static void out_row(const sequence *s, varlen_dtype dtype, const slack_row *row, const double *w, slack_sums to)
{
    for (int32_t n = 0; n < s->value_dim; n++)
        to.sums[n] = to.squares[n] = 0;
    for (int64_t j = 0; j < s->keys; j++) {
        if (w[j] == 0)
            continue;
        double kept = w[j] * oracle_drop(s, row->i, row->head, j);
        /* Of exact scores, only the distance from the largest is rounded. */
        double relative = s->sharp ? 1 - log(w[j]) : slack_row_weight(s, row, j);
        slack_term term = {.value = kept, .due = slack_of(kept * relative)};
        slack_add(to, dtype, term, oracle_v_row(s, j, row->head), s->value_dim);
    }
    slack_finish(to, s->value_dim);
}

void slack_forward(memory_pool *pool, const sequence *s, varlen_dtype dtype, double *out, double *lse)
{
    double *weights = memory_take(pool, s->keys, sizeof *weights);
    double *squares = memory_take(pool, s->value_dim, sizeof *squares);
    for (int64_t i = 0; i < s->queries; i++) {
        for (int32_t head = 0; head < s->q_heads; head++) {
            int64_t n = i * s->q_heads + head;
            slack_row row = slack_row_begin(s, i, head, weights);
            lse[n] = slack_of(row.b);
            out_row(s, dtype, &row, weights, (slack_sums){out + n * s->value_dim, squares});
        }
    }
}
