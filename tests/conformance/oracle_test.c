/* The oracle against drawings, hand calculations and finite differences; the plain implementation against the oracle.
 */
#include "conformance/memory_pool.h"
#include "conformance/oracle.h"
#include "conformance/plain.h"
#include "conformance/random.h"
#include "conformance/slack.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void exhausted(void *user)
{
    (void)user;
    fail_msg("no more memory");
}

static int begin(void **state)
{
    static memory_pool pool;
    pool = (memory_pool){.exhausted = exhausted};
    *state = &pool;
    return 0;
}

static int finish(void **state)
{
    memory_free(*state);
    return 0;
}

/* ---- Masks ---- */

/* As in varlen.h: rows are queries, columns are keys, # is visible. */
typedef struct mask_drawing {
    int64_t queries;
    int64_t keys;
    int64_t left;
    int64_t right;
    varlen_alignment alignment;
    const char *rows;
} mask_drawing;

static void masks_are_as_drawn(void **state)
{
    (void)state;
    const int64_t open = VARLEN_UNBOUNDED;
    const mask_drawing drawings[] = {
        {2, 5, open, 0, VARLEN_ALIGN_BOTTOM_RIGHT, "####. #####"},
        {5, 2, open, 0, VARLEN_ALIGN_BOTTOM_RIGHT, ".. .. .. #. ##"},
        {2, 5, open, 0, VARLEN_ALIGN_TOP_LEFT, "#.... ##..."},
        {5, 2, open, 0, VARLEN_ALIGN_TOP_LEFT, "#. ## ## ## ##"},
        {2, 5, 1, 1, VARLEN_ALIGN_BOTTOM_RIGHT, "..### ...##"},
        {5, 2, 1, 1, VARLEN_ALIGN_BOTTOM_RIGHT, ".. .. #. ## ##"},
        {2, 5, 1, 1, VARLEN_ALIGN_TOP_LEFT, "##... ###.."},
        {5, 2, 1, 1, VARLEN_ALIGN_TOP_LEFT, "## ## .# .. .."},
        {2, 5, 0, open, VARLEN_ALIGN_BOTTOM_RIGHT, "...## ....#"},
        {2, 5, open, open, VARLEN_ALIGN_BOTTOM_RIGHT, "##### #####"},
    };
    for (size_t n = 0; n < sizeof drawings / sizeof drawings[0]; n++) {
        const mask_drawing *d = &drawings[n];
        const sequence s = {
            .queries = d->queries, .keys = d->keys, .left = d->left, .right = d->right, .alignment = d->alignment};
        for (int64_t i = 0; i < d->queries; i++)
            for (int64_t j = 0; j < d->keys; j++)
                assert_int_equal(oracle_sees(&s, i, j), d->rows[i * (d->keys + 1) + j] == '#');
    }
}

static void dropout_is_as_drawn(void **state)
{
    (void)state;
    static const char *const rows[] = {"###..##.###.##.#", ".##.####.##..###", "####.#..##.#..##", "#..#.#######.###"};
    const sequence s = {.dropout_p = 0.25f, .dropout_seed = 42, .dropout_offset = 7};
    for (int64_t i = 0; i < 4; i++)
        for (int64_t j = 0; j < 16; j++)
            assert_true(oracle_drop(&s, i, 1, j) == (rows[i][j] == '#' ? 1 / (1 - 0.25f) : 0));
    const sequence none = {.dropout_p = 0};
    assert_true(oracle_drop(&none, 0, 0, 0) == 1);
}

/* ---- By hand: one head, dim 1 ---- */

static sequence by_hand(int64_t queries, int64_t keys)
{
    static const double ones[4] = {1, 1, 1, 1}, k[4] = {0.6931471805599453, 0, 0, 0}, v[4] = {3, 6, 9, 12};
    return (sequence){.queries = queries,
                      .keys = keys,
                      .q_heads = 1,
                      .kv_heads = 1,
                      .head_dim = 1,
                      .value_dim = 1,
                      .left = VARLEN_UNBOUNDED,
                      .right = VARLEN_UNBOUNDED,
                      .scale = 1,
                      .q = ones,
                      .k = k,
                      .v = v};
}

static void assert_near(double got, double expected)
{
    if (!(fabs(got - expected) < 1e-12))
        fail_msg("%.17g is not %.17g", got, expected);
}

static void weighs_keys_by_hand(void **state)
{
    (void)state;
    sequence s = by_hand(1, 2); /* scores log 2 and 0: weights 2/3 and 1/3 */
    double weights[2], out, lse;
    oracle_forward(&s, weights, &out, &lse);
    assert_near(weights[0], 2.0 / 3);
    assert_near(out, 4);
    assert_near(lse, log(3));

    const double sink = 0; /* adds 1 to the denominator */
    s.sinks = &sink;
    oracle_forward(&s, weights, &out, &lse);
    assert_near(out, 3);
    assert_near(lse, log(4));

    s.sinks = NULL;
    s.softcap = 0.5;
    oracle_forward(&s, weights, &out, &lse);
    assert_near(lse, log(1 + exp(0.5 * tanh(2 * log(2)))));

    const double slope = 0.25; /* the query stands at key 1 */
    s.softcap = 0;
    s.slopes = &slope;
    oracle_forward(&s, weights, &out, &lse);
    assert_near(lse, log(1 + 2 * exp(-0.25)));
}

static void rows_that_see_nothing_by_hand(void **state)
{
    (void)state;
    sequence s = by_hand(2, 1);
    double weights[1], out[2] = {7, 7}, lse[2];
    s.right = 0; /* the first of two queries stands before the only key */
    oracle_forward(&s, weights, out, lse);
    assert_true(out[0] == 0 && lse[0] == -INFINITY);
    assert_near(out[1], 3);
    const double sink = -1e4;
    s.sinks = &sink;
    oracle_forward(&s, weights, out, lse);
    assert_true(out[0] == 0 && lse[0] == -1e4);
    s.keys = 0;
    oracle_forward(&s, weights, out, lse);
    assert_true(out[1] == 0 && lse[1] == -1e4);
}

static void heads_of_a_group_share_a_kv_head(void **state)
{
    (void)state;
    const sequence s = {.q_heads = 6, .kv_heads = 2};
    const int32_t expected[6] = {0, 0, 0, 1, 1, 1};
    for (int32_t head = 0; head < 6; head++)
        assert_int_equal(oracle_kv_head(&s, head), expected[head]);
}

/* ---- Gradients ---- */

enum {
    QUERIES = 4,
    KEYS = 5,
    Q_HEADS = 4,
    KV_HEADS = 2,
    HEAD_DIM = 3,
    VALUE_DIM = 2,
    Q_COUNT = QUERIES * Q_HEADS * HEAD_DIM,
    K_COUNT = KEYS * KV_HEADS * HEAD_DIM,
    V_COUNT = KEYS * KV_HEADS * VALUE_DIM,
    OUT_COUNT = QUERIES * Q_HEADS * VALUE_DIM,
    ROWS = QUERIES * Q_HEADS
};

/* A sequence's arrays, which finite differences move element by element. */
typedef struct small_problem {
    double q[Q_COUNT];
    double k[K_COUNT];
    double v[V_COUNT];
    double dout[OUT_COUNT];
    double out[OUT_COUNT];
    double sinks[Q_HEADS];
    double slopes[Q_HEADS];
    double dlse[ROWS];
    sequence s;
} small_problem;

/* What a problem has besides. */
enum { SINKS = 1, SLOPES = 2, DLSE = 4 };

static void fill(double *values, int count, random_source *source)
{
    for (int n = 0; n < count; n++)
        values[n] = (float)random_normal(source);
}

static small_problem *make_problem(memory_pool *pool, const sequence *features, unsigned with)
{
    small_problem *p = memory_take(pool, 1, sizeof *p);
    random_source source = {7};
    fill(p->q, Q_COUNT, &source);
    fill(p->k, K_COUNT, &source);
    fill(p->v, V_COUNT, &source);
    fill(p->dout, OUT_COUNT, &source);
    fill(p->sinks, Q_HEADS, &source);
    fill(p->slopes, Q_HEADS, &source);
    fill(p->dlse, ROWS, &source);
    p->s = *features;
    p->s.queries = QUERIES;
    p->s.keys = KEYS;
    p->s.q_heads = Q_HEADS;
    p->s.kv_heads = KV_HEADS;
    p->s.head_dim = HEAD_DIM;
    p->s.value_dim = VALUE_DIM;
    p->s.scale = 0.75;
    p->s.index = 2;
    p->s.q = p->q;
    p->s.k = p->k;
    p->s.v = p->v;
    p->s.dout = p->dout;
    p->s.out = p->out;
    p->s.sinks = with & SINKS ? p->sinks : NULL;
    p->s.slopes = with & SLOPES ? p->slopes : NULL;
    p->s.dlse = with & DLSE ? p->dlse : NULL;
    double weights[KEYS], lse[ROWS];
    oracle_forward(&p->s, weights, p->out, lse);
    for (int row = 0; row < ROWS; row++)
        if (lse[row] == -INFINITY)
            p->dlse[row] = NAN;
    return p;
}

static double loss(const small_problem *p)
{
    double weights[KEYS], out[OUT_COUNT], lse[ROWS], sum = 0;
    oracle_forward(&p->s, weights, out, lse);
    for (int n = 0; n < OUT_COUNT; n++)
        sum += p->dout[n] * out[n];
    for (int n = 0; n < ROWS && p->s.dlse; n++)
        sum += lse[n] > -INFINITY ? p->s.dlse[n] * lse[n] : 0;
    return sum;
}

static void assert_is_derivative(const small_problem *p, double *values, int count, const double *gradient)
{
    const double step = 1e-5;
    for (int n = 0; n < count; n++) {
        double kept = values[n];
        values[n] = kept + step;
        double above = loss(p);
        values[n] = kept - step;
        double below = loss(p);
        values[n] = kept;
        double slope = (above - below) / (2 * step);
        if (!(fabs(gradient[n] - slope) < 1e-8))
            fail_msg("element %d: the gradient is %.12g, finite differences give %.12g", n, gradient[n], slope);
    }
}

typedef struct gradient_arrays {
    double dq[Q_COUNT];
    double dk[K_COUNT];
    double dv[V_COUNT];
    double dsinks[Q_HEADS];
} gradient_arrays;

static gradients in_arrays(gradient_arrays *arrays, const small_problem *p)
{
    return (gradients){arrays->dq, arrays->dk, arrays->dv, p->s.sinks ? arrays->dsinks : NULL};
}

/* |got - right| <= 20 * slack + allowed, elementwise. */
static void assert_close(const double *got, const double *right, const double *slack, int count, double allowed)
{
    for (int n = 0; n < count; n++)
        if (!(fabs(got[n] - right[n]) <= 20 * slack[n] + allowed))
            fail_msg("element %d: plain gives %.9g, the oracle %.9g", n, got[n], right[n]);
}

static void check_gradients(memory_pool *pool, const sequence *features, unsigned with)
{
    small_problem *p = make_problem(pool, features, with);
    double weights[KEYS];
    gradient_arrays right = {0}, plain = {0}, slack = {0};
    const gradients of_right = in_arrays(&right, p), of_plain = in_arrays(&plain, p), of_slack = in_arrays(&slack, p);
    oracle_backward(&p->s, weights, &of_right);
    assert_is_derivative(p, p->q, Q_COUNT, right.dq);
    assert_is_derivative(p, p->k, K_COUNT, right.dk);
    assert_is_derivative(p, p->v, V_COUNT, right.dv);
    if (with & SINKS)
        assert_is_derivative(p, p->sinks, Q_HEADS, right.dsinks);

    plain_backward(pool, &p->s, VARLEN_FLOAT32, &of_plain);
    slack_backward(pool, &p->s, VARLEN_FLOAT32, &of_slack);
    assert_close(plain.dq, right.dq, slack.dq, Q_COUNT, 1e-9);
    assert_close(plain.dk, right.dk, slack.dk, K_COUNT, 1e-9);
    assert_close(plain.dv, right.dv, slack.dv, V_COUNT, 1e-9);
    assert_close(plain.dsinks, right.dsinks, slack.dsinks, Q_HEADS, 1e-9);
}

static void gradients_are_finite_differences(void **state)
{
    const sequence full = {.left = VARLEN_UNBOUNDED, .right = VARLEN_UNBOUNDED};
    sequence causal = full, partly_blind = full, window = full, softcap = full, dropout = full, everything;
    causal.right = 0;
    partly_blind.right = -2; /* the first query sees nothing */
    window.left = 1;
    window.right = 0;
    window.alignment = VARLEN_ALIGN_TOP_LEFT;
    softcap.softcap = 1.5;
    dropout.dropout_p = 0.3f;
    dropout.dropout_seed = 5;
    everything = dropout;
    everything.softcap = 1.5;
    everything.left = 3;
    for (unsigned dlse = 0; dlse <= DLSE; dlse += DLSE) {
        check_gradients(*state, &full, dlse);
        check_gradients(*state, &causal, dlse);
        check_gradients(*state, &partly_blind, dlse);
        check_gradients(*state, &partly_blind, SINKS | dlse);
        check_gradients(*state, &window, SINKS | dlse);
        check_gradients(*state, &softcap, SLOPES | dlse);
        check_gradients(*state, &dropout, SINKS | dlse);
        check_gradients(*state, &everything, SINKS | SLOPES | dlse);
    }
}

static void plain_forward_is_near(void **state)
{
    const sequence features = {.left = 3, .right = VARLEN_UNBOUNDED, .softcap = 1.5, .dropout_p = 0.3f};
    small_problem *p = make_problem(*state, &features, SINKS | SLOPES);
    double weights[KEYS], out[OUT_COUNT], lse[ROWS], plain_out[OUT_COUNT], plain_lse[ROWS];
    double slack_out[OUT_COUNT], slack_lse[ROWS];
    oracle_forward(&p->s, weights, out, lse);
    plain_forward(*state, &p->s, VARLEN_FLOAT32, plain_out, plain_lse);
    slack_forward(*state, &p->s, VARLEN_FLOAT32, slack_out, slack_lse);
    assert_close(plain_out, out, slack_out, OUT_COUNT, 1e-9);
    assert_close(plain_lse, lse, slack_lse, ROWS, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_are_as_drawn),
        cmocka_unit_test(dropout_is_as_drawn),
        cmocka_unit_test(weighs_keys_by_hand),
        cmocka_unit_test(rows_that_see_nothing_by_hand),
        cmocka_unit_test(heads_of_a_group_share_a_kv_head),
        cmocka_unit_test_setup_teardown(gradients_are_finite_differences, begin, finish),
        cmocka_unit_test_setup_teardown(plain_forward_is_near, begin, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
