/* What the calls of the CPU backend need of a thread's stack: at most what docs/embedding.md says. The thread's stack
 * is painted before, so that what was never written shows. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <varlen/varlen.h>

enum {
    PROMISED = 64 << 10,
    STACK = 1 << 20,
    PAINT = 0xa5,
    MOST_TOKENS = 640,
    HEAD_ROWS = 640 * 256, /* tokens * dim */
    Q_HEADS = 4,
    KV_HEADS = 2
};

/* A batch of three sequences, and two of a paged cache. */
typedef struct sizes {
    int32_t cu_seqlens[4]; /* the last are the tokens */
    int32_t dim;
    int32_t used[2];
    int32_t page_size;
    int32_t width; /* of the page table */
} sizes;

static const sizes ordinary = {{0, 1, 140, MOST_TOKENS}, 256, {300, 200}, 16, 20};
static const sizes wide = {{0, 1, 3, 5}, HEAD_ROWS / 5, {1, 1}, 1, 2}; /* a row is twice the stack that is promised */

static _Alignas(64) float q[Q_HEADS * HEAD_ROWS], k[KV_HEADS * HEAD_ROWS], v[KV_HEADS * HEAD_ROWS];
static _Alignas(64) float out[Q_HEADS * HEAD_ROWS], dout[Q_HEADS * HEAD_ROWS], dq[Q_HEADS * HEAD_ROWS];
static _Alignas(64) float dk[KV_HEADS * HEAD_ROWS], dv[KV_HEADS * HEAD_ROWS];
static float lse[Q_HEADS * MOST_TOKENS], slopes[Q_HEADS], sinks[Q_HEADS], dsinks[Q_HEADS], rotary[HEAD_ROWS / 2];
static const int32_t cu_queries[] = {0, 1, 2};
static int32_t page_table[40]; /* each page its own number */

static void *workspace_for(varlen_context *context, const varlen_attention *attention, varlen_pass pass, size_t *size)
{
    void *workspace;
    if (varlen_workspace_size(context, attention, pass, size) || varlen_alloc(context, *size, &workspace))
        return NULL;
    return workspace;
}

static varlen_status prefill(varlen_context *context, varlen_dtype dtype, const sizes *problem)
{
    const varlen_attention attention = {.struct_size = sizeof attention,
                                        .dtype = dtype,
                                        .batch = 3,
                                        .q_heads = Q_HEADS,
                                        .kv_heads = KV_HEADS,
                                        .head_dim = problem->dim,
                                        .total_q = problem->cu_seqlens[3],
                                        .total_k = problem->cu_seqlens[3],
                                        .mask = VARLEN_MASK_CAUSAL,
                                        .softcap = 20.0f,
                                        .dropout_p = 0.1f,
                                        .features = VARLEN_FEATURE_ALIBI | VARLEN_FEATURE_SINKS | VARLEN_FEATURE_LSE |
                                                    VARLEN_FEATURE_DSINKS};
    const varlen_inputs inputs = {.struct_size = sizeof inputs,
                                  .q.data = q,
                                  .k.data = k,
                                  .v.data = v,
                                  .cu_seqlens_q = problem->cu_seqlens,
                                  .cu_seqlens_k = problem->cu_seqlens,
                                  .alibi_slopes = slopes,
                                  .sinks = sinks};
    varlen_forward_args forward = {.struct_size = sizeof forward, .inputs = &inputs, .out.data = out, .lse = lse};
    varlen_backward_args backward = {.struct_size = sizeof backward,
                                     .inputs = &inputs,
                                     .out.data = out,
                                     .lse = lse,
                                     .dout.data = dout,
                                     .dq.data = dq,
                                     .dk.data = dk,
                                     .dv.data = dv,
                                     .dsinks = dsinks};
    forward.workspace = workspace_for(context, &attention, VARLEN_PASS_FORWARD, &forward.workspace_size);
    backward.workspace = workspace_for(context, &attention, VARLEN_PASS_BACKWARD, &backward.workspace_size);
    varlen_status status = varlen_forward(context, NULL, &attention, &forward);
    if (!status)
        status = varlen_backward(context, NULL, &attention, &backward);
    varlen_free(context, forward.workspace);
    varlen_free(context, backward.workspace);
    return status;
}

/* New keys into a paged cache, and a query for each sequence. */
static varlen_status decode(varlen_context *context, varlen_dtype dtype, const sizes *problem)
{
    const varlen_kv_append_args append = {.struct_size = sizeof append,
                                          .dtype = dtype,
                                          .batch = 2,
                                          .kv_heads = KV_HEADS,
                                          .head_dim = problem->dim,
                                          .q_heads = Q_HEADS,
                                          .total_new = 2,
                                          .page_size = problem->page_size,
                                          .page_table_width = problem->width,
                                          .page_count = problem->cu_seqlens[3] / problem->page_size,
                                          .q.data = q,
                                          .k_new.data = dk,
                                          .v_new.data = dv,
                                          .k_cache.data = k,
                                          .v_cache.data = v,
                                          .cu_seqlens_new = cu_queries,
                                          .seqused_k = problem->used,
                                          .page_table = page_table,
                                          .rotary_cos = rotary,
                                          .rotary_sin = rotary,
                                          .rotary_positions = problem->cu_seqlens[3],
                                          .rotary_dim = problem->dim};
    const varlen_attention attention = {.struct_size = sizeof attention,
                                        .dtype = dtype,
                                        .batch = 2,
                                        .q_heads = Q_HEADS,
                                        .kv_heads = KV_HEADS,
                                        .head_dim = problem->dim,
                                        .total_q = 2,
                                        .page_size = problem->page_size,
                                        .page_table_width = problem->width,
                                        .page_count = problem->cu_seqlens[3] / problem->page_size,
                                        .features = VARLEN_FEATURE_LSE};
    const varlen_inputs inputs = {.struct_size = sizeof inputs,
                                  .q.data = q,
                                  .k.data = k,
                                  .v.data = v,
                                  .cu_seqlens_q = cu_queries,
                                  .seqused_k = problem->used,
                                  .page_table = page_table};
    varlen_forward_args args = {.struct_size = sizeof args, .inputs = &inputs, .out.data = out, .lse = lse};
    const varlen_merge_args merge = {.struct_size = sizeof merge,
                                     .dtype = dtype,
                                     .partial_dtype = dtype,
                                     .parts = 2,
                                     .heads = Q_HEADS,
                                     .tokens = 2,
                                     .partial_out.data = out,
                                     .partial_lse = lse,
                                     .out.data = dq,
                                     .value_dim = problem->dim};
    args.workspace = workspace_for(context, &attention, VARLEN_PASS_FORWARD, &args.workspace_size);
    varlen_status status = varlen_kv_append(context, NULL, &append);
    if (!status)
        status = varlen_forward(context, NULL, &attention, &args);
    if (!status)
        status = varlen_merge(context, NULL, &merge);
    varlen_free(context, args.workspace);
    return status;
}

/* One thread, so that the caller does all of the work. Refusing puts a message together, on the stack too. */
static void *all_calls(void *failure)
{
    const varlen_open_options options = {.struct_size = sizeof options, .backend = "cpu", .threads = 1};
    const varlen_attention refused = {.struct_size = sizeof refused, .q_heads = 1, .kv_heads = 1, .head_dim = 7};
    varlen_context *context;
    varlen_status status = varlen_open(&options, &context);
    for (varlen_dtype dtype = VARLEN_FLOAT32; !status && dtype <= VARLEN_BFLOAT16; dtype++) {
        status = prefill(context, dtype, &ordinary);
        if (!status)
            status = decode(context, dtype, &ordinary);
        if (!status)
            status = prefill(context, dtype, &wide);
        if (!status)
            status = decode(context, dtype, &wide);
    }
    if (status)
        snprintf(failure, 256, "%s", varlen_error_message());
    else if (!varlen_supports(context, &refused, VARLEN_PASS_FORWARD))
        snprintf(failure, 256, "head_dim = 7 is taken");
    varlen_close(context);
    return NULL;
}

static size_t painted(const unsigned char *stack)
{
    size_t bytes = 0;
    while (bytes < STACK && stack[bytes] == PAINT)
        bytes++;
    return bytes;
}

static void test_calls_need_no_more_than_promised(void **state)
{
    (void)state;
    char failure[256] = "";
    unsigned char *stack = aligned_alloc(4096, STACK);
    assert_non_null(stack);
    memset(stack, PAINT, STACK);
    for (int32_t page = 0; page < 40; page++)
        page_table[page] = page;

    pthread_attr_t attributes;
    pthread_t thread;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK), 0);
    assert_int_equal(pthread_create(&thread, &attributes, all_calls, failure), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(failure, "");

    const size_t used_bytes = STACK - painted(stack);
    printf("%zu bytes of stack were used\n", used_bytes);
    assert_in_range(used_bytes, 4096, PROMISED);
    pthread_attr_destroy(&attributes);
    free(stack);
}

/* The same in a thread that has no more. */
static void test_calls_work_on_a_stack_of_that_size(void **state)
{
    (void)state;
    char failure[256] = "";
    pthread_attr_t attributes;
    pthread_t thread;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, PROMISED), 0);
    assert_int_equal(pthread_create(&thread, &attributes, all_calls, failure), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(failure, "");
    pthread_attr_destroy(&attributes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_need_no_more_than_promised),
        cmocka_unit_test(test_calls_work_on_a_stack_of_that_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
