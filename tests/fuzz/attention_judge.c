/* Attention results against the oracle; see attention_judge.h. */
#include "attention_judge.h"

#include "answer.h"
#include "arena.h"
#include "finding.h"

#include "conformance/dtypes.h"
#include "conformance/oracle.h"
#include "conformance/plain.h"
#include "conformance/slack.h"

#include <math.h>
#include <string.h>

/* All sequences of a call. */
typedef struct batch {
    memory_pool pool;
    int32_t count;
    sequence *sequences;
    double *weights; /* scratch of the oracle */
    bool is_tame;
} batch;

static batch gather(const attention_model *model)
{
    batch all = {.count = model->attention->batch, .is_tame = true};
    memory_free(&all.pool);
    all.sequences = memory_take(&all.pool, all.count, sizeof *all.sequences);
    int64_t longest = 0;
    for (int32_t b = 0; b < all.count; b++) {
        all.sequences[b] = attention_model_sequence(&all.pool, model, b, &all.is_tame);
        longest = all.sequences[b].keys > longest ? all.sequences[b].keys : longest;
    }
    all.weights = memory_take(&all.pool, longest, sizeof *all.weights);
    return all;
}

/* What forward gives: [total_q, q_heads, value_dim] and [total_q, q_heads]. */
typedef struct forward_answers {
    answer_rows out;
    answer_rows lse;
} forward_answers;

static forward_answers answer_forward(const attention_model *model, batch *all)
{
    const varlen_attention *a = model->attention;
    const int64_t rows = a->total_q * a->q_heads;
    forward_answers answers = {answer_make(&all->pool, "out", a->dtype, rows, model->value_dim, 2),
                               answer_make(&all->pool, "lse", VARLEN_FLOAT32, rows, 1, 2)};
    answers.lse.is_lse = true;
    for (int64_t row = 0; row < rows; row++)
        answers.lse.want[row] = -INFINITY;
    for (int32_t b = 0; b < all->count; b++) {
        const int64_t first = model_query_row(model, b, 0) * a->q_heads;
        oracle_forward(&all->sequences[b], all->weights, answers.out.want + first * model->value_dim,
                       answers.lse.want + first);
    }
    return answers;
}

static void bound_forward(const attention_model *model, batch *all, forward_answers *answers)
{
    const int64_t rows = answers->out.rows;
    answers->out.plain = memory_take(&all->pool, rows * model->value_dim, sizeof(double));
    answers->out.slack = memory_take(&all->pool, rows * model->value_dim, sizeof(double));
    answers->lse.plain = memory_take(&all->pool, rows, sizeof(double));
    answers->lse.slack = memory_take(&all->pool, rows, sizeof(double));
    memcpy(answers->lse.plain, answers->lse.want, (size_t)rows * sizeof(double)); /* of rows of no sequence */
    for (int32_t b = 0; b < all->count; b++) {
        const int64_t first = model_query_row(model, b, 0) * model->attention->q_heads, at = first * model->value_dim;
        const varlen_dtype dtype = model->attention->dtype;
        plain_forward(&all->pool, &all->sequences[b], dtype, answers->out.plain + at, answers->lse.plain + first);
        slack_forward(&all->pool, &all->sequences[b], dtype, answers->out.slack + at, answers->lse.slack + first);
    }
}

/* Rows that belong to no sequence are 0, and nothing near it. */
static void check_unowned(const tensor_view *view, const uint8_t *owned)
{
    static const char zeros[VIEW_WIDEST * sizeof(float)];
    for (int64_t token = 0; token < view->shape.tokens; token++)
        for (int64_t head = 0; head < view->shape.heads && !owned[token]; head++)
            if (memcmp(view_row(view, 0, token, head), zeros, (size_t)view_row_bytes(view)) != 0)
                finding("%s: row %lld, head %lld, belongs to no sequence, and is not 0", view->shape.name,
                        (long long)token, (long long)head);
}

static uint8_t *owned_queries(memory_pool *pool, const attention_model *model)
{
    uint8_t *owned = memory_take(pool, model->attention->total_q, 1);
    for (int32_t b = 0; b < model->attention->batch; b++)
        for (int64_t i = 0; i < model_queries(model, b); i++)
            owned[model_query_row(model, b, i)] = 1;
    return owned;
}

static uint8_t *owned_keys(memory_pool *pool, const attention_model *model)
{
    uint8_t *owned = memory_take(pool, model->attention->total_k, 1);
    for (int32_t b = 0; b < model->attention->batch; b++)
        for (int64_t j = 0; j < model_keys(model, b); j++)
            owned[model_key_row(model, b, j).token] = 1;
    return owned;
}

static void load_lse(const attention_model *model, const float *lse, answer_rows *to)
{
    const varlen_attention *a = model->attention;
    for (int64_t row = 0; row < a->total_q; row++)
        for (int32_t head = 0; head < a->q_heads; head++)
            to->got[row * a->q_heads + head] = lse[head * a->total_q + row];
}

void attention_judge_forward(const attention_model *model, const float *lse)
{
    batch all = gather(model);
    if (!all.is_tame)
        return;
    forward_answers answers = answer_forward(model, &all);
    check_unowned(&model->out, owned_queries(&all.pool, model));
    answer_load(&answers.out, &model->out);
    if (lse)
        load_lse(model, lse, &answers.lse);
    else
        memcpy(answers.lse.got, answers.lse.want, (size_t)answers.lse.rows * sizeof(double));
    if (answer_is_close(&answers.out) && answer_is_close(&answers.lse))
        return;
    bound_forward(model, &all, &answers);
    answer_check(&answers.lse);
    answer_check(&answers.out);
}

/* Whether memory holds these answers. */
static bool forward_is_there(const attention_model *model, const forward_answers *answers, const float *lse)
{
    const varlen_attention *a = model->attention;
    forward_answers there = *answers;
    answer_load(&there.out, &model->out);
    load_lse(model, lse, &there.lse);
    bool same = true;
    for (int64_t n = 0; n < there.out.rows * model->value_dim; n++)
        same = same && there.out.got[n] == dtype_round(a->dtype, (float)there.out.want[n]);
    for (int64_t n = 0; n < there.lse.rows; n++)
        same = same && there.lse.got[n] == (float)there.lse.want[n];
    return same;
}

static void store_forward(const attention_model *model, const forward_answers *answers, float *lse)
{
    const varlen_attention *a = model->attention;
    const double *value = answers->out.want;
    for (int64_t token = 0; token < a->total_q; token++) {
        for (int64_t head = 0; head < a->q_heads; head++) {
            char *row = view_row(&model->out, 0, token, head);
            for (int64_t n = 0; n < model->value_dim; n++)
                dtype_store(a->dtype, row + n * varlen_dtype_size(a->dtype), (float)*value++);
            lse[head * a->total_q + token] = (float)answers->lse.want[token * a->q_heads + head];
        }
    }
}

bool attention_write_forward(const attention_model *model, float *lse, bool is_shared)
{
    arena_seal(); /* as sequences are read */
    arena_open();
    batch all = gather(model);
    if (!all.is_tame)
        return false;
    forward_answers answers = answer_forward(model, &all);
    store_forward(model, &answers, lse);
    if (!is_shared)
        return true;
    arena_seal();
    arena_open();
    all = gather(model);
    if (!all.is_tame)
        return false;
    answers = answer_forward(model, &all);
    return forward_is_there(model, &answers, lse);
}

typedef struct backward_answers {
    answer_rows dq;
    answer_rows dk;
    answer_rows dv;
    answer_rows dsinks;
} backward_answers;

static backward_answers make_backward(const attention_model *model, batch *all)
{
    const varlen_attention *a = model->attention;
    const int64_t queries = a->total_q * a->q_heads, keys = a->total_k * a->kv_heads;
    return (backward_answers){answer_make(&all->pool, "dq", a->dtype, queries, a->head_dim, 3),
                              answer_make(&all->pool, "dk", a->dtype, keys, a->head_dim, 3),
                              answer_make(&all->pool, "dv", a->dtype, keys, model->value_dim, 3),
                              answer_make(&all->pool, "dsinks", VARLEN_FLOAT32, 1, a->q_heads, 3)};
}

/* The parts of all rows' gradients that are those of sequence b. */
static gradients of_sequence(const attention_model *model, int32_t b, double *dq, double *dk, double *dv,
                             double *dsinks)
{
    const varlen_attention *a = model->attention;
    const int64_t query = model_query_row(model, b, 0) * a->q_heads;
    const int64_t key = model_key_row(model, b, 0).token * a->kv_heads;
    return (gradients){dq + query * a->head_dim, dk + key * a->head_dim, dv + key * model->value_dim,
                       model->inputs->sinks ? dsinks : NULL};
}

static void bound_answer(memory_pool *pool, answer_rows *of)
{
    of->plain = memory_take(pool, of->rows * of->dim, sizeof(double));
    of->slack = memory_take(pool, of->rows * of->dim, sizeof(double));
}

static void bound_backward(const attention_model *model, batch *all, backward_answers *to)
{
    answer_rows *const answers[] = {&to->dq, &to->dk, &to->dv, &to->dsinks};
    for (size_t n = 0; n < sizeof answers / sizeof answers[0]; n++)
        bound_answer(&all->pool, answers[n]);
    for (int32_t b = 0; b < all->count; b++) {
        const gradients plain = of_sequence(model, b, to->dq.plain, to->dk.plain, to->dv.plain, to->dsinks.plain);
        const gradients slack = of_sequence(model, b, to->dq.slack, to->dk.slack, to->dv.slack, to->dsinks.slack);
        plain_backward(&all->pool, &all->sequences[b], model->attention->dtype, &plain);
        slack_backward(&all->pool, &all->sequences[b], model->attention->dtype, &slack);
    }
}

static void load_dsinks(const float *dsinks, answer_rows *to)
{
    for (int64_t head = 0; head < to->dim; head++)
        to->got[head] = dsinks ? (double)dsinks[head] : to->want[head];
}

void attention_judge_backward(const attention_model *model, const float *dsinks)
{
    batch all = gather(model);
    backward_answers answers = make_backward(model, &all);
    for (int32_t b = 0; b < all.count; b++) {
        const gradients right =
            of_sequence(model, b, answers.dq.want, answers.dk.want, answers.dv.want, answers.dsinks.want);
        oracle_backward(&all.sequences[b], all.weights, &right);
    }
    check_unowned(&model->dq, owned_queries(&all.pool, model));
    check_unowned(&model->dk, owned_keys(&all.pool, model));
    check_unowned(&model->dv, owned_keys(&all.pool, model));
    answer_load(&answers.dq, &model->dq);
    answer_load(&answers.dk, &model->dk);
    answer_load(&answers.dv, &model->dv);
    load_dsinks(dsinks, &answers.dsinks);
    if (answer_is_close(&answers.dq) && answer_is_close(&answers.dk) && answer_is_close(&answers.dv) &&
        answer_is_close(&answers.dsinks))
        return;
    bound_backward(model, &all, &answers);
    answer_check(&answers.dq);
    answer_check(&answers.dk);
    answer_check(&answers.dv);
    answer_check(&answers.dsinks);
}
