/* What query_positions and key_starts are for, each use against the same thing done in one piece or with copies: a
 * prompt in pieces, a context spread over ranks, drafts that are verified, a decoder that looks at an encoder,
 * continuations of one prompt. */
#include <math.h>
#include <string.h>

#include "cpu/problem.h"
#include "cpu/support.h"
#include "unit/support/test.h"

enum { TOKENS = 400, Q_HEADS = 4, KV_HEADS = 2, DIM = 64, RANKS = 4, LARGEST_BATCH = 8 };

#define INTS(...) ((const int32_t[]){__VA_ARGS__})

static varlen_context *context;

/* Elements of the dtype that a test is about. */
typedef struct rows {
    _Alignas(64) char q[TOKENS * Q_HEADS * DIM * sizeof(float)];
    char k[TOKENS * KV_HEADS * DIM * sizeof(float)], v[TOKENS * KV_HEADS * DIM * sizeof(float)];
} rows;

/* Results of some queries. */
typedef struct result {
    _Alignas(64) char out[TOKENS * Q_HEADS * DIM * sizeof(float)];
    float lse[Q_HEADS * TOKENS];
} result;

static rows made;
static result whole, other;

static size_t element_size(varlen_dtype dtype)
{
    return dtype == VARLEN_FLOAT32 ? 4 : 2;
}

/* Numbers between -1 and 1; of bfloat16, the upper halves of such. */
static void fill(void *data, size_t count, varlen_dtype dtype, uint32_t random)
{
    for (size_t i = 0; i < count; i++) {
        random = random * 1664525 + 1013904223;
        const float number = (float)(int32_t)random * 0x1p-31f;
        uint32_t bits;
        memcpy(&bits, &number, sizeof bits);
        if (dtype == VARLEN_FLOAT32)
            ((float *)data)[i] = number;
        else
            ((uint16_t *)data)[i] = (uint16_t)(bits >> 16);
    }
}

static void make_rows(varlen_dtype dtype)
{
    fill(made.q, TOKENS * Q_HEADS * DIM, dtype, 1);
    fill(made.k, TOKENS * KV_HEADS * DIM, dtype, 2);
    fill(made.v, TOKENS * KV_HEADS * DIM, dtype, 3);
}

static void *query_row(const void *rows_of_q, varlen_dtype dtype, int32_t row)
{
    return (char *)rows_of_q + (size_t)row * Q_HEADS * DIM * element_size(dtype);
}

static void *key_row(const void *rows_of_k, varlen_dtype dtype, int32_t row)
{
    return (char *)rows_of_k + (size_t)row * KV_HEADS * DIM * element_size(dtype);
}

static varlen_attention problem(varlen_dtype dtype, int32_t batch, int64_t total_q, int64_t total_k)
{
    return (varlen_attention){.struct_size = sizeof(varlen_attention),
                              .dtype = dtype,
                              .batch = batch,
                              .q_heads = Q_HEADS,
                              .kv_heads = KV_HEADS,
                              .head_dim = DIM,
                              .total_q = total_q,
                              .total_k = total_k,
                              .mask = VARLEN_MASK_CAUSAL,
                              .features = VARLEN_FEATURE_LSE | VARLEN_FEATURE_QUERY_POSITIONS |
                                          VARLEN_FEATURE_KEY_STARTS | VARLEN_FEATURE_ALIBI};
}

static varlen_inputs inputs_from(const rows *from)
{
    return (varlen_inputs){.struct_size = sizeof(varlen_inputs),
                           .q.data = (void *)from->q,
                           .k.data = (void *)from->k,
                           .v.data = (void *)from->v};
}

static void attend(const varlen_attention *attention, const varlen_inputs *inputs, void *out, float *lse)
{
    varlen_forward_args args = {.struct_size = sizeof args, .inputs = inputs, .out.data = out, .lse = lse};
    assert_ok(varlen_workspace_size(context, attention, VARLEN_PASS_FORWARD, &args.workspace_size));
    assert_ok(varlen_alloc(context, args.workspace_size, &args.workspace));
    assert_ok(varlen_forward(context, NULL, attention, &args));
    assert_ok(varlen_free(context, args.workspace));
}

/* All tokens as one sequence. */
static void attend_whole(varlen_dtype dtype)
{
    const varlen_attention attention = problem(dtype, 1, TOKENS, TOKENS);
    varlen_inputs inputs = inputs_from(&made);
    inputs.cu_seqlens_q = inputs.cu_seqlens_k = INTS(0, TOKENS);
    attend(&attention, &inputs, whole.out, whole.lse);
}

static void assert_close(const void *results, const void *expected, int64_t count)
{
    const float *a = results, *b = expected;
    for (int64_t i = 0; i < count; i++)
        if (!(fabsf(a[i] - b[i]) <= 2e-6f * fmaxf(1, fabsf(b[i]))))
            fail_msg("element %lld is %.9g, not %.9g", (long long)i, (double)a[i], (double)b[i]);
}

/* Pieces long enough that no kernel for few queries takes them: bit for bit the same, call by call, in any order. */
static void a_prompt_in_pieces_is_the_prompt(void **state)
{
    (void)state;
    static const int32_t ends[] = {0, 150, 214, 400};
    for (varlen_dtype dtype = VARLEN_FLOAT32; dtype <= VARLEN_BFLOAT16; dtype += VARLEN_BFLOAT16) {
        make_rows(dtype);
        attend_whole(dtype);
        for (int piece = 2; piece >= 0; piece--) {
            const int32_t first = ends[piece], count = ends[piece + 1] - first;
            const varlen_attention attention = problem(dtype, 1, count, TOKENS);
            varlen_inputs inputs = inputs_from(&made);
            inputs.q.data = query_row(made.q, dtype, first);
            inputs.cu_seqlens_q = INTS(0, count);
            inputs.key_starts = INTS(0);
            inputs.seqused_k = INTS(TOKENS); /* the cache is full: what comes later is hidden by positions alone */
            inputs.query_positions = INTS(first);
            attend(&attention, &inputs, other.out, other.lse);
            const size_t bytes = (size_t)count * Q_HEADS * DIM * element_size(dtype);
            assert_memory_equal(other.out, query_row(whole.out, dtype, first), bytes);
            for (int head = 0; head < Q_HEADS; head++)
                assert_memory_equal(other.lse + head * count, whole.lse + head * TOKENS + first,
                                    (size_t)count * sizeof(float));
        }
    }
}

/* Each rank has a quarter of the keys. Its queries see none, some or all of them: merged, they have seen their own. */
static void a_context_over_ranks_is_the_context(void **state)
{
    (void)state;
    static _Alignas(64) float parts[RANKS][TOKENS][Q_HEADS][DIM], lses[RANKS][Q_HEADS][TOKENS];
    const int32_t share = TOKENS / RANKS;
    make_rows(VARLEN_FLOAT32);
    attend_whole(VARLEN_FLOAT32);
    for (int32_t rank = 0; rank < RANKS; rank++) {
        const varlen_attention attention = problem(VARLEN_FLOAT32, 1, TOKENS, share);
        varlen_inputs inputs = inputs_from(&made);
        inputs.k.data = key_row(made.k, VARLEN_FLOAT32, rank * share);
        inputs.v.data = key_row(made.v, VARLEN_FLOAT32, rank * share);
        inputs.cu_seqlens_q = INTS(0, TOKENS);
        inputs.cu_seqlens_k = INTS(0, share);
        inputs.query_positions = INTS(-rank * share);
        attend(&attention, &inputs, parts[rank], lses[rank][0]);
        assert_true(rank == 0 || lses[rank][0][0] == -INFINITY); /* the first query comes before these keys */
    }
    const varlen_merge_args args = {.struct_size = sizeof args,
                                    .parts = RANKS,
                                    .heads = Q_HEADS,
                                    .tokens = TOKENS,
                                    .partial_out.data = parts,
                                    .partial_lse = lses[0][0],
                                    .out.data = other.out,
                                    .lse = other.lse,
                                    .value_dim = DIM};
    assert_ok(varlen_merge(context, NULL, &args));
    assert_close(other.out, whole.out, TOKENS * Q_HEADS * DIM);
    assert_close(other.lse, whole.lse, Q_HEADS * TOKENS);
}

/* Four drafts behind 300 keys, in a slot whose later rows hold keys of drafts that were thrown away. */
static void drafts_are_verified_as_if_decoded_one_by_one(void **state)
{
    (void)state;
    enum { DRAFTS = 4, CACHED = 300 };
    make_rows(VARLEN_FLOAT32);
    attend_whole(VARLEN_FLOAT32);
    const varlen_attention attention = problem(VARLEN_FLOAT32, 1, DRAFTS, TOKENS);
    varlen_inputs inputs = inputs_from(&made);
    inputs.q.data = query_row(made.q, VARLEN_FLOAT32, CACHED);
    inputs.cu_seqlens_q = INTS(0, DRAFTS);
    inputs.cu_seqlens_k = INTS(0, TOKENS);
    inputs.query_positions = INTS(CACHED);
    attend(&attention, &inputs, other.out, other.lse);
    assert_close(other.out, query_row(whole.out, VARLEN_FLOAT32, CACHED), DRAFTS * Q_HEADS * DIM);
}

/* Twelve tokens of a decoder look at 90 of an encoder; the first stands at the first, whatever their numbers. */
static void a_decoder_counts_from_its_encoders_first_token(void **state)
{
    (void)state;
    enum { DECODED = 12, ENCODED = 90 };
    static const float slopes[Q_HEADS] = {0.5f, 0.25f, 0.125f, 0.0625f};
    make_rows(VARLEN_FLOAT32);
    varlen_attention attention = problem(VARLEN_FLOAT32, 1, DECODED, ENCODED);
    attention.mask = VARLEN_MASK_FULL;
    varlen_inputs inputs = inputs_from(&made);
    inputs.cu_seqlens_q = INTS(0, DECODED);
    inputs.cu_seqlens_k = INTS(0, ENCODED);
    inputs.alibi_slopes = slopes;
    inputs.query_positions = INTS(0);
    attend(&attention, &inputs, whole.out, whole.lse);

    attention.alignment = VARLEN_ALIGN_TOP_LEFT;
    inputs.query_positions = NULL;
    attend(&attention, &inputs, other.out, other.lse);
    assert_memory_equal(other.out, whole.out, DECODED * Q_HEADS * DIM * sizeof(float));

    /* Token by token, as it is decoded: no alignment says where it stands. */
    attention = problem(VARLEN_FLOAT32, 1, 1, ENCODED);
    attention.mask = VARLEN_MASK_FULL;
    inputs.cu_seqlens_q = INTS(0, 1);
    for (int32_t i = 0; i < DECODED; i++) {
        inputs.q.data = query_row(made.q, VARLEN_FLOAT32, i);
        inputs.query_positions = INTS(i);
        attend(&attention, &inputs, other.out, other.lse);
        assert_close(other.out, query_row(whole.out, VARLEN_FLOAT32, i), Q_HEADS * DIM);
        inputs.query_positions = NULL;
        attend(&attention, &inputs, other.out, other.lse);
        assert_true(fabsf(*(float *)other.out - *(float *)query_row(whole.out, VARLEN_FLOAT32, i)) > 1e-3f);
    }
}

/* One token of each of eight continuations, which share the keys of their prompt, against copies of them. */
static void continuations_of_a_prompt_share_its_keys(void **state)
{
    (void)state;
    enum { PROMPT = TOKENS / LARGEST_BATCH };
    static rows copies;
    for (varlen_dtype dtype = VARLEN_FLOAT32; dtype <= VARLEN_BFLOAT16; dtype += VARLEN_BFLOAT16) {
        make_rows(dtype);
        varlen_attention attention = problem(dtype, LARGEST_BATCH, LARGEST_BATCH, PROMPT);
        varlen_inputs inputs = inputs_from(&made);
        inputs.cu_seqlens_q = INTS(0, 1, 2, 3, 4, 5, 6, 7, 8);
        inputs.key_starts = INTS(0, 0, 0, 0, 0, 0, 0, 0);
        inputs.seqused_k = INTS(PROMPT, PROMPT, PROMPT, PROMPT, PROMPT, PROMPT, PROMPT, PROMPT);
        attend(&attention, &inputs, whole.out, whole.lse);

        copies = made;
        for (int32_t b = 1; b < LARGEST_BATCH; b++) {
            const size_t bytes = (size_t)PROMPT * KV_HEADS * DIM * element_size(dtype);
            memcpy(key_row(copies.k, dtype, b * PROMPT), made.k, bytes);
            memcpy(key_row(copies.v, dtype, b * PROMPT), made.v, bytes);
        }
        attention.total_k = TOKENS;
        inputs = inputs_from(&copies);
        inputs.cu_seqlens_q = INTS(0, 1, 2, 3, 4, 5, 6, 7, 8);
        inputs.cu_seqlens_k =
            INTS(0, PROMPT, 2 * PROMPT, 3 * PROMPT, 4 * PROMPT, 5 * PROMPT, 6 * PROMPT, 7 * PROMPT, 8 * PROMPT);
        attend(&attention, &inputs, other.out, other.lse);
        assert_memory_equal(other.out, whole.out, LARGEST_BATCH * Q_HEADS * DIM * element_size(dtype));
        assert_memory_equal(other.lse, whole.lse, LARGEST_BATCH * Q_HEADS * sizeof(float));
    }
}

int main(void)
{
    const struct CMUnitTest cases[] = {cmocka_unit_test(a_prompt_in_pieces_is_the_prompt),
                                       cmocka_unit_test(a_context_over_ranks_is_the_context),
                                       cmocka_unit_test(drafts_are_verified_as_if_decoded_one_by_one),
                                       cmocka_unit_test(a_decoder_counts_from_its_encoders_first_token),
                                       cmocka_unit_test(continuations_of_a_prompt_share_its_keys)};
    context = problem_open(1);
    if (!context) {
        printf("skipped: %s\n", varlen_error_message());
        return CHILD_SKIPS;
    }
    const int failed = cmocka_run_group_tests_name("positions", cases, NULL, NULL);
    problem_close(context);
    return failed;
}
