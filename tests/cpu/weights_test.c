/* What the rounding of lse costs backward: weights of two keys, whose scores are known, through dv. The bound is that
 * of docs/semantics.md, "Range". */
#include <math.h>

#include "cpu/problem.h"
#include "cpu/support.h"
#include "unit/support/test.h"

enum { PROBLEMS = 256, KEYS = 2, DIM = 8 };

static const float scale = 0.3f; /* no product with it is exact */
static varlen_context *context;

/* Each problem a sequence of one query: q = (x, t), k = (y, 0) and (y, z), with products of whole numbers. The loss is
 * the sum of out's first elements, so that dv's are the weights. */
typedef struct rows {
    _Alignas(64) float q[PROBLEMS][DIM], dout[PROBLEMS][DIM], out[PROBLEMS][DIM], dq[PROBLEMS][DIM];
    float k[PROBLEMS][KEYS][DIM], v[PROBLEMS][KEYS][DIM], dk[PROBLEMS][KEYS][DIM], dv[PROBLEMS][KEYS][DIM];
    float lse[PROBLEMS];
    int32_t cu_seqlens_q[PROBLEMS + 1], cu_seqlens_k[PROBLEMS + 1];
    double scores[PROBLEMS][KEYS], exact_lse[PROBLEMS];
} rows;

static rows made;

static void make_rows(double size)
{
    for (int n = 0; n < PROBLEMS; n++) {
        const float x = (float)(2 * n + 1), t = (float)(n % 5 - 2), z = (float)(n % 7 - 3);
        const float y = (n % 2 ? -1.0f : 1.0f) * rintf((float)(size / ((double)scale * (double)x)));
        made.q[n][0] = x;
        made.q[n][1] = t;
        made.k[n][0][0] = made.k[n][1][0] = y;
        made.k[n][1][1] = z;
        made.dout[n][0] = 1;
        made.cu_seqlens_q[n + 1] = n + 1;
        made.cu_seqlens_k[n + 1] = KEYS * (n + 1);
        made.scores[n][0] = (double)scale * (double)x * (double)y;
        made.scores[n][1] = made.scores[n][0] + (double)scale * (double)t * (double)z;
        made.exact_lse[n] = made.scores[n][0] + log1p(exp(made.scores[n][1] - made.scores[n][0]));
        made.lse[n] = (float)made.exact_lse[n];
    }
}

static void run_backward(void)
{
    const varlen_attention attention = {.struct_size = sizeof attention,
                                        .batch = PROBLEMS,
                                        .q_heads = 1,
                                        .kv_heads = 1,
                                        .head_dim = DIM,
                                        .total_q = PROBLEMS,
                                        .total_k = KEYS * PROBLEMS,
                                        .softmax_scale = scale};
    const varlen_inputs inputs = {.struct_size = sizeof inputs,
                                  .q.data = made.q,
                                  .k.data = made.k,
                                  .v.data = made.v,
                                  .cu_seqlens_q = made.cu_seqlens_q,
                                  .cu_seqlens_k = made.cu_seqlens_k};
    varlen_backward_args args = {.struct_size = sizeof args,
                                 .inputs = &inputs,
                                 .out.data = made.out,
                                 .lse = made.lse,
                                 .dout.data = made.dout,
                                 .dq.data = made.dq,
                                 .dk.data = made.dk,
                                 .dv.data = made.dv};
    assert_ok(varlen_workspace_size(context, &attention, VARLEN_PASS_BACKWARD, &args.workspace_size));
    assert_ok(varlen_alloc(context, args.workspace_size, &args.workspace));
    assert_ok(varlen_backward(context, NULL, &attention, &args));
    assert_ok(varlen_free(context, args.workspace));
}

/* |log(got / right)| of a weight, and the bound on it. */
typedef struct weight_error {
    double error;
    double bound;
} weight_error;

static weight_error error_of(int n, int key)
{
    const double u = 0x1p-24;
    const double score = made.scores[n][key], lse = made.exact_lse[n];
    const double handed = fabs((double)made.lse[n] - lse);
    return (weight_error){fabs(log((double)made.dv[n][key][0]) - (score - lse)),
                          handed + u * (2 * fabs(lse) + 2 * fabs(score)) + 4 * u * (1 + fabs(score - lse))};
}

static void expect_weights_within_bounds(double size)
{
    double nearest = 0;
    make_rows(size);
    run_backward();
    for (int n = 0; n < PROBLEMS; n++)
        for (int key = 0; key < KEYS; key++) {
            const weight_error found = error_of(n, key);
            if (!(found.error <= found.bound))
                fail_msg("logits of %g, problem %d, key %d: the weight is off by a factor of exp(%g), above exp(%g)",
                         size, n, key, found.error, found.bound);
            nearest = fmax(nearest, found.error / found.bound);
        }
    assert_true(nearest > 0.1); /* or the bound would say nothing */
}

static void weights_err_as_the_rounding_of_lse(void **state)
{
    (void)state;
    static const double sizes[] = {1, 1e2, 1e3, 1e4, 1e5, 1e6, 3e6};
    for (size_t i = 0; i < ROWS_OF(sizes); i++)
        expect_weights_within_bounds(sizes[i]);
}

int main(void)
{
    const struct CMUnitTest cases[] = {cmocka_unit_test(weights_err_as_the_rounding_of_lse)};
    context = problem_open(1);
    if (!context) {
        printf("skipped: %s\n", varlen_error_message());
        return CHILD_SKIPS;
    }
    const int failed = cmocka_run_group_tests_name("weights", cases, NULL, NULL);
    problem_close(context);
    return failed;
}
