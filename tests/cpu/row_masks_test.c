/* Key ranges, chunks and tree masks as models use them: toys of each kind against a dense mask in float64, made by the
 * model's own words; and a causal mask given as key_end, which gives the bits of VARLEN_MASK_CAUSAL. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "cpu/problem.h"
#include "cpu/support.h"
#include "unit/support/test.h"

enum { MOST_ROWS = 400, MOST_HEADS = 4, MOST_DIM = 32, MOST_ELEMENTS = MOST_ROWS * MOST_HEADS * MOST_DIM };

static varlen_context *context;

/* A call's tensors, elements of up to four bytes. */
typedef struct tensors {
    _Alignas(64) float q[MOST_ELEMENTS], k[MOST_ELEMENTS], v[MOST_ELEMENTS], dout[MOST_ELEMENTS];
    /* What is written. */
    float out[MOST_ELEMENTS], dq[MOST_ELEMENTS], dk[MOST_ELEMENTS], dv[MOST_ELEMENTS];
    float lse[MOST_ROWS * MOST_HEADS];
} tensors;

static void run_forward(const varlen_attention *attention, const varlen_inputs *inputs, tensors *t)
{
    varlen_forward_args args = {.struct_size = sizeof args, .inputs = inputs, .out.data = t->out, .lse = t->lse};
    assert_ok(varlen_workspace_size(context, attention, VARLEN_PASS_FORWARD, &args.workspace_size));
    assert_ok(varlen_alloc(context, args.workspace_size, &args.workspace));
    assert_ok(varlen_forward(context, NULL, attention, &args));
    assert_ok(varlen_free(context, args.workspace));
}

static void run_backward(const varlen_attention *attention, const varlen_inputs *inputs, tensors *t)
{
    varlen_backward_args args = {.struct_size = sizeof args,
                                 .inputs = inputs,
                                 .out.data = t->out,
                                 .lse = t->lse,
                                 .dout.data = t->dout,
                                 .dq.data = t->dq,
                                 .dk.data = t->dk,
                                 .dv.data = t->dv};
    assert_ok(varlen_workspace_size(context, attention, VARLEN_PASS_BACKWARD, &args.workspace_size));
    assert_ok(varlen_alloc(context, args.workspace_size, &args.workspace));
    assert_ok(varlen_backward(context, NULL, attention, &args));
    assert_ok(varlen_free(context, args.workspace));
}

static double next_uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 40) * 0x1p-23 - 1;
}

/* ---- Toys: one sequence, two query heads on one kv head ---- */

enum { HEADS = 2, DIM = 16, TOKENS = 150, CONTEXT = 90, DRAFTS = 13 };

/* What a model says: its dense mask, and the arguments that say the same. */
typedef struct toy {
    int queries;
    int keys;
    bool visible[TOKENS][TOKENS];
    varlen_mask mask;
    int32_t chunk;
    int32_t key_begin[TOKENS], key_end[TOKENS];
    uint64_t tree[TOKENS];
    uint64_t features; /* VARLEN_FEATURE_KEY_RANGES or VARLEN_FEATURE_TREE_MASK: which of them count */
} toy;

/* float64 results. */
typedef struct exact_rows {
    double out[TOKENS][HEADS][DIM], dq[TOKENS][HEADS][DIM], dk[TOKENS][DIM], dv[TOKENS][DIM];
} exact_rows;

static double dot(const float *a, const float *b)
{
    double sum = 0;
    for (int n = 0; n < DIM; n++)
        sum += (double)a[n] * (double)b[n];
    return sum;
}

static void exact_row(const toy *model, const tensors *t, int i, int head, exact_rows *exact)
{
    const float *q = t->q + (i * HEADS + head) * DIM, *dout = t->dout + (i * HEADS + head) * DIM;
    double weights[TOKENS] = {0}, sum = 0, delta = 0;
    for (int j = 0; j < model->keys; j++)
        sum += weights[j] = model->visible[i][j] ? exp(dot(q, t->k + j * DIM) / 4) : 0;
    for (int j = 0; j < model->keys && sum > 0; j++) {
        weights[j] /= sum;
        delta += weights[j] * dot(dout, t->v + j * DIM);
        for (int n = 0; n < DIM; n++)
            exact->out[i][head][n] += weights[j] * (double)t->v[j * DIM + n];
    }
    for (int j = 0; j < model->keys; j++) {
        const double ds = weights[j] * (dot(dout, t->v + j * DIM) - delta) / 4;
        for (int n = 0; n < DIM; n++) {
            exact->dq[i][head][n] += ds * (double)t->k[j * DIM + n];
            exact->dk[j][n] += ds * (double)q[n];
            exact->dv[j][n] += weights[j] * (double)dout[n];
        }
    }
}

static void expect_near(const char *model, const char *name, const float *got, const double *exact, int count)
{
    for (int n = 0; n < count; n++)
        if (!(fabs((double)got[n] - exact[n]) <= 1e-5 * (1 + fabs(exact[n]))))
            fail_msg("%s: %s[%d] = %.9g, but by the dense mask %.9g", model, name, n, (double)got[n], exact[n]);
}

static void expect_the_dense_mask(const char *name, const toy *model)
{
    static tensors t;
    static exact_rows exact;
    const int32_t cu_seqlens_q[] = {0, model->queries}, cu_seqlens_k[] = {0, model->keys};
    const bool ranged = model->features & VARLEN_FEATURE_KEY_RANGES, tree = model->features & VARLEN_FEATURE_TREE_MASK;
    const varlen_attention attention = {.struct_size = sizeof attention,
                                        .batch = 1,
                                        .q_heads = HEADS,
                                        .kv_heads = 1,
                                        .head_dim = DIM,
                                        .total_q = model->queries,
                                        .total_k = model->keys,
                                        .mask = model->mask,
                                        .features = VARLEN_FEATURE_LSE | model->features,
                                        .attention_chunk = model->chunk};
    const varlen_inputs inputs = {.struct_size = sizeof inputs,
                                  .q.data = t.q,
                                  .k.data = t.k,
                                  .v.data = t.v,
                                  .cu_seqlens_q = cu_seqlens_q,
                                  .cu_seqlens_k = cu_seqlens_k,
                                  .key_begin = ranged ? model->key_begin : NULL,
                                  .key_end = ranged ? model->key_end : NULL,
                                  .tree_mask = tree ? model->tree : NULL};
    uint64_t state = 7;
    exact = (exact_rows){0};
    for (int n = 0; n < MOST_ELEMENTS; n++) {
        t.q[n] = (float)(2 * next_uniform(&state));
        t.k[n] = (float)(2 * next_uniform(&state));
        t.v[n] = (float)next_uniform(&state);
        t.dout[n] = (float)next_uniform(&state);
    }
    for (int i = 0; i < model->queries; i++)
        for (int head = 0; head < HEADS; head++)
            exact_row(model, &t, i, head, &exact);
    run_forward(&attention, &inputs, &t);
    expect_near(name, "out", t.out, &exact.out[0][0][0], model->queries * HEADS * DIM);
    if (tree)
        return;
    run_backward(&attention, &inputs, &t);
    expect_near(name, "dq", t.dq, &exact.dq[0][0][0], model->queries * HEADS * DIM);
    expect_near(name, "dk", t.dk, &exact.dk[0][0], model->keys * DIM);
    expect_near(name, "dv", t.dv, &exact.dv[0][0], model->keys * DIM);
}

/* A sequence that attends to itself, whose rows see everything until they are told otherwise. */
static toy *new_toy(void)
{
    static toy model;
    model = (toy){.queries = TOKENS, .keys = TOKENS, .features = VARLEN_FEATURE_KEY_RANGES};
    for (int i = 0; i < TOKENS; i++)
        model.key_end[i] = TOKENS;
    return &model;
}

/* A prompt of which every token sees all, and an answer that sees the prompt and what it has said. */
static void prefix_lm(void **state)
{
    (void)state;
    const int prompt = 57;
    toy *model = new_toy();
    for (int i = 0; i < TOKENS; i++) {
        model->key_end[i] = i < prompt ? prompt : i + 1;
        for (int j = 0; j < TOKENS; j++)
            model->visible[i][j] = j < prompt || j <= i;
    }
    expect_the_dense_mask("prefix-LM", model);
}

/* Text is causal; a token of an image sees all of its image too. */
static void image_spans(void **state)
{
    (void)state;
    static const int images[][2] = {{3, 40}, {41, 60}, {100, 131}};
    int image_of[TOKENS] = {0};
    toy *model = new_toy();
    for (int n = 0; n < 3; n++)
        for (int i = images[n][0]; i < images[n][1]; i++)
            image_of[i] = n + 1;
    for (int i = 0; i < TOKENS; i++) {
        model->key_end[i] = image_of[i] ? images[image_of[i] - 1][1] : i + 1;
        for (int j = 0; j < TOKENS; j++)
            model->visible[i][j] = j <= i || (image_of[i] && image_of[i] == image_of[j]);
    }
    expect_the_dense_mask("image spans", model);
}

/* Blocks are made one after the other, the tokens of one at once. */
static void block_diffusion(void **state)
{
    (void)state;
    const int block = 16;
    toy *model = new_toy();
    for (int i = 0; i < TOKENS; i++) {
        const int end = (i / block + 1) * block;
        model->key_end[i] = end < TOKENS ? end : TOKENS;
        for (int j = 0; j < TOKENS; j++)
            model->visible[i][j] = j / block <= i / block;
    }
    expect_the_dense_mask("block diffusion", model);
}

/* Documents that were packed into one sequence, each causal. */
static void documents(void **state)
{
    (void)state;
    toy *model = new_toy();
    int document_of[TOKENS] = {0}, start = 0;
    model->mask = VARLEN_MASK_CAUSAL;
    for (int i = 0; i < TOKENS; i++) {
        start = i == 11 || i == 12 || i == 90 ? i : start;
        document_of[i] = start;
        model->key_begin[i] = start;
    }
    for (int i = 0; i < TOKENS; i++)
        for (int j = 0; j < TOKENS; j++)
            model->visible[i][j] = document_of[j] == document_of[i] && j <= i;
    expect_the_dense_mask("documents", model);
}

static void chunks(void **state)
{
    (void)state;
    toy *model = new_toy();
    model->mask = VARLEN_MASK_CAUSAL;
    model->chunk = 64;
    model->features = 0;
    for (int i = 0; i < TOKENS; i++)
        for (int j = 0; j <= i; j++)
            model->visible[i][j] = i / 64 == j / 64;
    expect_the_dense_mask("chunks", model);
}

/* Drafts that continue one another in a tree, of which the target verifies all at once. */
static void tree_of_drafts(void **state)
{
    (void)state;
    static const int parents[DRAFTS] = {-1, 0, 0, 0, 1, 1, 2, 4, 4, 5, 7, 7, 10};
    toy *model = new_toy();
    *model = (toy){.queries = DRAFTS, .keys = CONTEXT + DRAFTS, .features = VARLEN_FEATURE_TREE_MASK};
    for (int i = 0; i < DRAFTS; i++) {
        model->tree[i] = (uint64_t)1 << i | (parents[i] < 0 ? 0 : model->tree[parents[i]]);
        for (int j = 0; j < CONTEXT; j++)
            model->visible[i][j] = true;
        for (int ancestor = i; ancestor >= 0; ancestor = parents[ancestor])
            model->visible[i][CONTEXT + ancestor] = true;
    }
    expect_the_dense_mask("tree of drafts", model);
}

/* ---- Bits ---- */

static const int32_t lens_q[] = {130, 1, 0, 77, 9, 60}, lens_k[] = {130, 40, 5, 160, 3, 0};

enum { SEQUENCES = 6, Q_ROWS = 277, K_ROWS = 338, Q_HEADS = 4, KV_HEADS = 2, HEAD_DIM = 32 };
_Static_assert((int)Q_ROWS <= (int)MOST_ROWS && (int)K_ROWS <= (int)MOST_ROWS, "rows fit");

/* Numbers of either sign below 1. */
static void fill(float *data, varlen_dtype dtype, uint64_t state)
{
    for (int n = 0; n < MOST_ELEMENTS; n++) {
        const float value = (float)next_uniform(&state);
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        if (dtype == VARLEN_FLOAT32)
            data[n] = value;
        else if (dtype == VARLEN_BFLOAT16)
            ((uint16_t *)data)[n] = (uint16_t)(bits >> 16);
        else /* exponents below 15, mantissas of 10 bits */
            ((uint16_t *)data)[n] =
                (uint16_t)((bits >> 16 & 0x8000) | (8 + (bits >> 3) % 6) << 10 | (bits >> 7 & 0x3ff));
    }
}

static void causal_as_key_end(varlen_dtype dtype, tensors *plain, tensors *ranged)
{
    static int32_t cu_seqlens_q[SEQUENCES + 1], cu_seqlens_k[SEQUENCES + 1], key_end[Q_ROWS];
    for (int b = 0, row = 0; b < SEQUENCES; b++) {
        cu_seqlens_q[b + 1] = cu_seqlens_q[b] + lens_q[b];
        cu_seqlens_k[b + 1] = cu_seqlens_k[b] + lens_k[b];
        for (int i = 0; i < lens_q[b]; i++, row++) {
            const int end = i + 1 + lens_k[b] - lens_q[b];
            key_end[row] = end > 0 ? end : 0;
        }
    }
    varlen_attention attention = {.struct_size = sizeof attention,
                                  .dtype = dtype,
                                  .batch = SEQUENCES,
                                  .q_heads = Q_HEADS,
                                  .kv_heads = KV_HEADS,
                                  .head_dim = HEAD_DIM,
                                  .total_q = Q_ROWS,
                                  .total_k = K_ROWS,
                                  .mask = VARLEN_MASK_CAUSAL,
                                  .features = VARLEN_FEATURE_LSE | VARLEN_FEATURE_KEY_RANGES};
    varlen_inputs inputs = {.struct_size = sizeof inputs,
                            .q.data = plain->q,
                            .k.data = plain->k,
                            .v.data = plain->v,
                            .cu_seqlens_q = cu_seqlens_q,
                            .cu_seqlens_k = cu_seqlens_k};
    run_forward(&attention, &inputs, plain);
    run_backward(&attention, &inputs, plain);
    attention.mask = VARLEN_MASK_FULL;
    inputs.key_end = key_end;
    run_forward(&attention, &inputs, ranged);
    run_backward(&attention, &inputs, ranged);
}

static void key_end_gives_the_bits_of_causal(void **state)
{
    (void)state;
    static tensors plain, ranged;
    for (varlen_dtype dtype = VARLEN_FLOAT32; dtype <= VARLEN_BFLOAT16; dtype++) {
        fill(plain.q, dtype, 1);
        fill(plain.k, dtype, 2);
        fill(plain.v, dtype, 3);
        fill(plain.dout, dtype, 4);
        memcpy(ranged.dout, plain.dout, sizeof plain.dout);
        causal_as_key_end(dtype, &plain, &ranged);
        const size_t q_bytes = (size_t)(Q_ROWS * Q_HEADS * HEAD_DIM * varlen_dtype_size(dtype));
        const size_t k_bytes = (size_t)(K_ROWS * KV_HEADS * HEAD_DIM * varlen_dtype_size(dtype));
        assert_memory_equal(plain.out, ranged.out, q_bytes);
        assert_memory_equal(plain.lse, ranged.lse, Q_ROWS * Q_HEADS * sizeof(float));
        assert_memory_equal(plain.dq, ranged.dq, q_bytes);
        assert_memory_equal(plain.dk, ranged.dk, k_bytes);
        assert_memory_equal(plain.dv, ranged.dv, k_bytes);
    }
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(prefix_lm),
        cmocka_unit_test(image_spans),
        cmocka_unit_test(block_diffusion),
        cmocka_unit_test(documents),
        cmocka_unit_test(chunks),
        cmocka_unit_test(tree_of_drafts),
        cmocka_unit_test(key_end_gives_the_bits_of_causal),
    };
    context = problem_open(0);
    if (!context) {
        printf("skipped: %s\n", varlen_error_message());
        return CHILD_SKIPS;
    }
    const int failed = cmocka_run_group_tests_name("row masks", cases, NULL, NULL);
    problem_close(context);
    return failed;
}
