/* What an attention problem must give; see attention_answer.h. */
#include "attention_answer.h"

#include "dtypes.h"
#include "oracle.h"
#include "plain.h"
#include "slack.h"

#include <math.h>
#include <stdio.h>

static void name_query(const void *owner, int64_t row, char *text, size_t size)
{
    const attention_batch *batch = owner;
    snprintf(text, size, "row %lld of no sequence", (long long)row);
    for (int32_t b = 0; b < batch->attention.batch; b++) {
        int64_t i = row - batch_query_row(batch, b, 0);
        if (i >= 0 && i < batch_queries(batch, b))
            snprintf(text, size, "sequence %d, query %lld", (int)b, (long long)i);
    }
}

static void name_key(const void *owner, int64_t row, char *text, size_t size)
{
    const attention_batch *batch = owner;
    snprintf(text, size, "row %lld of no sequence", (long long)row);
    for (int32_t b = 0; b < batch->attention.batch; b++) {
        int64_t j = row - batch_key_row(batch, b, 0);
        if (j >= 0 && j < batch_keys(batch, b))
            snprintf(text, size, "sequence %d, key %lld", (int)b, (long long)j);
    }
}

static expected_rows rows_named_by(case_trial *trial, const attention_batch *batch, row_namer namer, const char *name,
                                   int64_t rows, int32_t heads, int32_t dim)
{
    expected_rows expected = expected_make(trial, name, rows, heads, dim);
    expected.name_row = namer;
    expected.owner = batch;
    return expected;
}

static void answer_forward_sequence(case_trial *trial, const attention_batch *batch, int32_t b, forward_answer *answer)
{
    sequence s = batch_sequence(&trial->pool, batch, b);
    int64_t first = batch_query_row(batch, b, 0), heads = s.queries * s.q_heads;
    double *weights = TRIAL_TAKE(trial, s.keys, double);
    double *plain_out = TRIAL_TAKE(trial, heads * s.value_dim, double), *plain_lse = TRIAL_TAKE(trial, heads, double);
    double *slack_out = TRIAL_TAKE(trial, heads * s.value_dim, double), *slack_lse = TRIAL_TAKE(trial, heads, double);
    oracle_forward(&s, weights, answer->out.values + first * s.q_heads * s.value_dim,
                   answer->lse.values + first * s.q_heads);
    plain_forward(&trial->pool, &s, trial->dtype, plain_out, plain_lse);
    slack_forward(&trial->pool, &s, trial->dtype, slack_out, slack_lse);
    const bound_terms out = {first, s.queries, s.sharp ? NULL : plain_out, slack_out, 2, trial->dtype};
    const bound_terms lse = {first, s.queries, s.sharp ? NULL : plain_lse, slack_lse, 2, VARLEN_FLOAT32};
    expected_bound(trial, &answer->out, &out);
    expected_bound_lse(trial, &answer->lse, &lse);
}

forward_answer answer_forward(case_trial *trial, const attention_batch *batch)
{
    int32_t heads = batch->attention.q_heads;
    int32_t dim = batch->attention.value_dim ? batch->attention.value_dim : batch->attention.head_dim;
    forward_answer answer = {.out = rows_named_by(trial, batch, name_query, "out", batch->q_rows, heads, dim),
                             .lse = rows_named_by(trial, batch, name_query, "lse", batch->q_rows, heads, 1)};
    for (int64_t n = 0; n < batch->q_rows * heads; n++)
        answer.lse.values[n] = -INFINITY;
    for (int32_t b = 0; b < batch->attention.batch; b++)
        answer_forward_sequence(trial, batch, b, &answer);
    return answer;
}

static double *like(case_trial *trial, const expected_rows *expected)
{
    return TRIAL_TAKE(trial, expected->rows * expected->heads * expected->dim, double);
}

static gradients gradients_like(case_trial *trial, const backward_answer *answer)
{
    return (gradients){like(trial, &answer->dq), like(trial, &answer->dk), like(trial, &answer->dv),
                       like(trial, &answer->dsinks)};
}

/* The parts of all rows' gradients that are those of sequence b. */
static gradients of_sequence(const attention_batch *batch, int32_t b, const gradients *all)
{
    const varlen_attention *attention = &batch->attention;
    int64_t value_dim = attention->value_dim ? attention->value_dim : attention->head_dim;
    int64_t query = batch_query_row(batch, b, 0), key = batch_key_row(batch, b, 0);
    return (gradients){all->dq + query * attention->q_heads * attention->head_dim,
                       all->dk + key * attention->kv_heads * attention->head_dim,
                       all->dv + key * attention->kv_heads * value_dim, batch->sinks ? all->dsinks : NULL};
}

static double *rounded(case_trial *trial, const expected_rows *expected)
{
    double *values = like(trial, expected);
    for (int64_t n = 0; n < expected->rows * expected->heads * expected->dim; n++)
        values[n] = dtype_round(trial->dtype, (float)expected->values[n]);
    return values;
}

static void bound_gradients(case_trial *trial, backward_answer *answer, const gradients *plain, const gradients *slack)
{
    const varlen_dtype dtype = trial->dtype;
    expected_bound(trial, &answer->dq, &(bound_terms){0, answer->dq.rows, plain->dq, slack->dq, 3, dtype});
    expected_bound(trial, &answer->dk, &(bound_terms){0, answer->dk.rows, plain->dk, slack->dk, 3, dtype});
    expected_bound(trial, &answer->dv, &(bound_terms){0, answer->dv.rows, plain->dv, slack->dv, 3, dtype});
    expected_bound(trial, &answer->dsinks, &(bound_terms){0, 1, plain->dsinks, slack->dsinks, 3, VARLEN_FLOAT32});
}

backward_answer answer_backward(case_trial *trial, const attention_batch *batch, const forward_answer *forward)
{
    const varlen_attention *attention = &batch->attention;
    int32_t heads = attention->q_heads, kv_heads = attention->kv_heads;
    int32_t head_dim = attention->head_dim, value_dim = forward->out.dim;
    backward_answer answer = {.dq = rows_named_by(trial, batch, name_query, "dq", batch->q_rows, heads, head_dim),
                              .dk = rows_named_by(trial, batch, name_key, "dk", batch->k_rows, kv_heads, head_dim),
                              .dv = rows_named_by(trial, batch, name_key, "dv", batch->k_rows, kv_heads, value_dim),
                              .dsinks = expected_make(trial, "dsinks", 1, 1, heads)};
    const gradients right = {answer.dq.values, answer.dk.values, answer.dv.values, answer.dsinks.values};
    gradients plain = gradients_like(trial, &answer);
    const gradients slack = gradients_like(trial, &answer);
    const double *out = rounded(trial, &forward->out);
    for (int32_t b = 0; b < attention->batch; b++) {
        sequence s = batch_sequence(&trial->pool, batch, b);
        double *weights = TRIAL_TAKE(trial, s.keys, double);
        const gradients of_right = of_sequence(batch, b, &right);
        const gradients of_plain = of_sequence(batch, b, &plain), of_slack = of_sequence(batch, b, &slack);
        s.out = out + batch_query_row(batch, b, 0) * heads * value_dim;
        oracle_backward(&s, weights, &of_right);
        plain_backward(&trial->pool, &s, trial->dtype, &of_plain);
        slack_backward(&trial->pool, &s, trial->dtype, &of_slack);
    }
    if (batch->sharp)
        plain = (gradients){NULL, NULL, NULL, NULL};
    bound_gradients(trial, &answer, &plain, &slack);
    return answer;
}
