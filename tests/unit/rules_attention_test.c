/* The rules of varlen_attention, and what its defaults stand for. */
#include <math.h>

#include "core/rules_attention.h"
#include "support/test.h"

/* Rows below are this problem with fields set anew. */
#pragma GCC diagnostic ignored "-Woverride-init"
#define PLAIN                                                                                                          \
    .struct_size = sizeof(varlen_attention), .batch = 3, .q_heads = 8, .kv_heads = 2, .head_dim = 64, .total_q = 10,   \
    .total_k = 20
#define PAGED PLAIN, .total_k = 0, .page_size = 16, .page_table_width = 4, .page_count = 8

static const varlen_attention plain = {PLAIN};

static void resolves_the_defaults(void **state)
{
    (void)state;
    varlen_attention a;
    assert_ok(varlen_check_attention(&plain, VARLEN_PASS_FORWARD, &a));
    assert_int_equal(a.value_dim, 64);
    assert_true(a.softmax_scale == 0.125f);
    assert_int_equal(a.mask, VARLEN_MASK_FULL);
    assert_int_equal(a.window_left, VARLEN_UNBOUNDED);
    assert_int_equal(a.window_right, VARLEN_UNBOUNDED);
    assert_int_equal(a.total_k, 20);
}

static void keeps_what_is_set(void **state)
{
    (void)state;
    const varlen_attention given = {PLAIN,
                                    .value_dim = 128,
                                    .softmax_scale = -2,
                                    .mask = VARLEN_MASK_WINDOW,
                                    .window_left = 5,
                                    .window_right = VARLEN_UNBOUNDED};
    varlen_attention a;
    assert_ok(varlen_check_attention(&given, VARLEN_PASS_BACKWARD, &a));
    assert_int_equal(a.features, VARLEN_FEATURE_WINDOW);
    a.features = 0;
    assert_memory_equal(&a, &given, sizeof a);
}

static void causal_is_a_window(void **state)
{
    (void)state;
    const varlen_attention given = {PLAIN, .mask = VARLEN_MASK_CAUSAL};
    varlen_attention a;
    assert_ok(varlen_check_attention(&given, VARLEN_PASS_FORWARD, &a));
    assert_int_equal(a.window_left, VARLEN_UNBOUNDED);
    assert_int_equal(a.window_right, 0);
}

static void causal_takes_a_left_window(void **state)
{
    (void)state;
    const varlen_attention given = {PLAIN, .mask = VARLEN_MASK_CAUSAL, .window_left = 9,
                                    .window_right = VARLEN_UNBOUNDED};
    varlen_attention a;
    assert_ok(varlen_check_attention(&given, VARLEN_PASS_FORWARD, &a));
    assert_int_equal(a.mask, VARLEN_MASK_WINDOW);
    assert_int_equal(a.window_left, 9);
    assert_int_equal(a.window_right, 0);
}

static void sides_without_a_bound_may_say_so(void **state)
{
    (void)state;
    for (int side = 0; side < 4; side++) {
        const int32_t left = side & 1 ? VARLEN_UNBOUNDED : 0, right = side & 2 ? VARLEN_UNBOUNDED : 0;
        const varlen_attention full = {PLAIN, .window_left = left, .window_right = right};
        const varlen_attention causal = {PLAIN, .mask = VARLEN_MASK_CAUSAL, .window_left = left, .window_right = right};
        varlen_attention a;
        assert_ok(varlen_check_attention(&full, VARLEN_PASS_FORWARD, &a));
        assert_int_equal(a.mask, VARLEN_MASK_FULL);
        assert_int_equal(a.window_left, VARLEN_UNBOUNDED);
        assert_int_equal(a.window_right, VARLEN_UNBOUNDED);
        assert_ok(varlen_check_attention(&causal, VARLEN_PASS_FORWARD, &a));
        assert_int_equal(a.mask, VARLEN_MASK_CAUSAL);
        assert_int_equal(a.window_left, VARLEN_UNBOUNDED);
        assert_int_equal(a.window_right, 0);
    }
}

static void an_exact_scale_may_be_zero(void **state)
{
    (void)state;
    const varlen_attention given = {PLAIN, .flags = VARLEN_FLAG_EXACT_SCALE | VARLEN_FLAG_DETERMINISTIC};
    varlen_attention a;
    assert_ok(varlen_check_attention(&given, VARLEN_PASS_FORWARD, &a));
    assert_true(a.softmax_scale == 0);
    assert_int_equal(a.flags, VARLEN_FLAG_DETERMINISTIC);
}

static void takes_the_ends_of_all_ranges(void **state)
{
    (void)state;
    const varlen_attention rows[] = {
        {PLAIN, .batch = 0, .total_q = 0, .total_k = 0},
        {PLAIN, .batch = INT32_MAX, .q_heads = INT32_MAX, .kv_heads = 1, .total_q = INT32_MAX, .total_k = INT32_MAX},
        {PLAIN, .head_dim = 8, .value_dim = 256},
        {PLAIN, .head_dim = 256, .value_dim = 8},
        {PLAIN, .dtype = VARLEN_BFLOAT16, .alignment = VARLEN_ALIGN_TOP_LEFT, .flags = 7},
        {PLAIN, .max_seqlen_q = INT32_MAX, .max_seqlen_k = 1},
        {PLAIN, .attention_chunk = 1},
        {PLAIN, .attention_chunk = INT32_MAX, .mask = VARLEN_MASK_CAUSAL},
        {PLAIN, .softcap = 50, .dropout_p = 0.999f},
        {PLAIN, .mask = VARLEN_MASK_WINDOW},
        {PAGED},
        {PAGED, .page_size = 1, .page_table_width = 0, .page_count = 0},
        {PAGED, .page_size = INT32_MAX, .page_table_width = INT32_MAX, .page_count = INT64_MAX},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_attention a;
        assert_ok(varlen_check_attention(&rows[i], VARLEN_PASS_FORWARD, &a));
    }
}

static void refuses_what_breaks_a_rule(void **state)
{
    (void)state;
    const struct {
        varlen_attention attention;
        const char *words;
    } rows[] = {
        {{PLAIN, .struct_size = 0}, "attention.struct_size = 0 is below"},
        {{PLAIN, .dtype = (varlen_dtype)3}, "dtype = 3 is not a varlen_dtype"},
        {{PLAIN, .dtype = (varlen_dtype)-1}, "dtype = -1 is not a varlen_dtype"},
        {{PLAIN, .batch = -1}, "batch = -1 is below 0"},
        {{PLAIN, .q_heads = 0}, "q_heads = 0 is below 1"},
        {{PLAIN, .q_heads = -8}, "q_heads = -8 is below 1"},
        {{PLAIN, .kv_heads = 0}, "kv_heads = 0 is below 1"},
        {{PLAIN, .kv_heads = 3}, "kv_heads = 3 does not divide q_heads = 8"},
        {{PLAIN, .kv_heads = 16}, "kv_heads = 16 does not divide q_heads = 8"},
        {{PLAIN, .head_dim = 0}, "head_dim = 0 is below 8"},
        {{PLAIN, .head_dim = 12}, "head_dim = 12 is not a multiple of 8"},
        {{PLAIN, .value_dim = 12}, "value_dim = 12 is not a multiple of 8"},
        {{PLAIN, .value_dim = -8}, "value_dim = -8 is below 8"},
        {{PLAIN, .total_q = -1}, "total_q = -1 is below 0"},
        {{PLAIN, .total_q = 2147483648}, "total_q = 2147483648 is above 2147483647"},
        {{PLAIN, .total_k = -1}, "total_k = -1 is below 0"},
        {{PLAIN, .total_k = 2147483648}, "total_k = 2147483648 is above 2147483647"},
        {{PLAIN, .max_seqlen_q = -1}, "max_seqlen_q = -1 is below 0"},
        {{PLAIN, .max_seqlen_k = -1}, "max_seqlen_k = -1 is below 0"},
        {{PLAIN, .attention_chunk = -1}, "attention_chunk = -1 is below 0"},
        {{PLAIN, .softmax_scale = NAN}, "softmax_scale = nan is not finite"},
        {{PLAIN, .softmax_scale = -INFINITY}, "softmax_scale = -inf is not finite"},
        {{PLAIN, .softcap = -1}, "softcap = -1 is not finite and >= 0"},
        {{PLAIN, .softcap = NAN}, "softcap = nan is not finite and >= 0"},
        {{PLAIN, .softcap = INFINITY}, "softcap = inf is not finite and >= 0"},
        {{PLAIN, .dropout_p = 1}, "dropout_p = 1 is not in 0 <= p < 1"},
        {{PLAIN, .dropout_p = -0.5f}, "dropout_p = -0.5 is not in 0 <= p < 1"},
        {{PLAIN, .dropout_p = NAN}, "dropout_p = nan is not in 0 <= p < 1"},
        {{PLAIN, .flags = 8}, "flags = 0x8 has unknown bits 0x8"},
        {{PLAIN, .flags = 0x80000001}, "flags = 0x80000001 has unknown bits 0x80000000"},
        {{PLAIN, .mask = (varlen_mask)3}, "mask = 3 is not a varlen_mask"},
        {{PLAIN, .alignment = (varlen_alignment)2}, "alignment = 2 is not a varlen_alignment"},
        {{PLAIN, .window_left = 1}, "window_left = 1 must be 0 or VARLEN_UNBOUNDED (-1) with VARLEN_MASK_FULL"},
        {{PLAIN, .window_right = -2}, "window_right = -2 must be 0 or VARLEN_UNBOUNDED (-1) with VARLEN_MASK_FULL"},
        {{PLAIN, .mask = VARLEN_MASK_CAUSAL, .window_right = 1},
         "window_right = 1 must be 0 or VARLEN_UNBOUNDED (-1) with VARLEN_MASK_CAUSAL"},
        {{PLAIN, .mask = VARLEN_MASK_CAUSAL, .window_left = -2}, "window_left = -2 is neither >= 0 nor"},
        {{PLAIN, .mask = VARLEN_MASK_WINDOW, .window_left = -2}, "window_left = -2 is neither >= 0 nor"},
        {{PLAIN, .mask = VARLEN_MASK_WINDOW, .window_right = -2}, "window_right = -2 is neither >= 0 nor"},
        {{PLAIN, .page_size = -1}, "page_size = -1 is below 0"},
        {{PAGED, .page_table_width = -1}, "page_table_width = -1 is below 0"},
        {{PAGED, .page_count = -1}, "page_count = -1 is below 0"},
        {{PAGED, .total_k = 20}, "total_k = 20 must be 0 with paging (page_size = 16)"},
        {{PLAIN, .page_table_width = 4}, "page_table_width = 4 must be 0 without paging"},
        {{PLAIN, .page_count = 8}, "page_count = 8 must be 0 without paging"},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_attention a;
        assert_failure(varlen_check_attention(&rows[i].attention, VARLEN_PASS_FORWARD, &a),
                       VARLEN_ERROR_INVALID_ARGUMENT, rows[i].words);
    }
}

static void backward_takes_no_pages(void **state)
{
    (void)state;
    const varlen_attention paged = {PAGED};
    varlen_attention a;
    assert_failure(varlen_check_attention(&paged, VARLEN_PASS_BACKWARD, &a), VARLEN_ERROR_UNSUPPORTED,
                   "page_size = 16: the backward pass takes packed keys and values only");
}

static void backward_takes_no_tree_masks(void **state)
{
    (void)state;
    const varlen_attention tree = {PLAIN, .features = VARLEN_FEATURE_TREE_MASK};
    varlen_attention a;
    assert_failure(varlen_check_attention(&tree, VARLEN_PASS_BACKWARD, &a), VARLEN_ERROR_UNSUPPORTED,
                   "features has VARLEN_FEATURE_TREE_MASK: the backward pass takes no tree masks");
}

static void refuses_unknown_passes(void **state)
{
    (void)state;
    varlen_attention a;
    assert_failure(varlen_check_attention(&plain, (varlen_pass)2, &a), VARLEN_ERROR_INVALID_ARGUMENT,
                   "pass = 2 is not a varlen_pass");
    assert_failure(varlen_check_attention(NULL, VARLEN_PASS_FORWARD, &a), VARLEN_ERROR_INVALID_ARGUMENT,
                   "attention is NULL");
}

/* Features that fields say are added, and to say them twice changes nothing. */
static void features_follow_from_fields(void **state)
{
    (void)state;
    const struct {
        varlen_attention attention;
        uint64_t features;
    } rows[] = {
        {{PLAIN}, 0},
        {{PLAIN, .features = VARLEN_FEATURE_SINKS}, VARLEN_FEATURE_SINKS},
        {{PLAIN, .mask = VARLEN_MASK_CAUSAL}, VARLEN_FEATURE_CAUSAL},
        {{PLAIN, .mask = VARLEN_MASK_CAUSAL, .window_left = 9}, VARLEN_FEATURE_CAUSAL | VARLEN_FEATURE_WINDOW},
        {{PLAIN, .mask = VARLEN_MASK_WINDOW}, VARLEN_FEATURE_WINDOW},
        {{PLAIN, .alignment = VARLEN_ALIGN_TOP_LEFT}, VARLEN_FEATURE_TOP_LEFT},
        {{PLAIN, .softcap = 30}, VARLEN_FEATURE_SOFTCAP},
        {{PLAIN, .dropout_p = 0.1f}, VARLEN_FEATURE_DROPOUT},
        {{PAGED}, VARLEN_FEATURE_PAGED | VARLEN_FEATURE_SEQUSED_K},
        {{PLAIN, .flags = VARLEN_FLAG_DETERMINISTIC}, VARLEN_FEATURE_DETERMINISTIC},
        {{PLAIN, .flags = VARLEN_FLAG_BATCH_INVARIANT}, VARLEN_FEATURE_BATCH_INVARIANT},
        {{PLAIN, .attention_chunk = 8192}, VARLEN_FEATURE_CHUNK},
        {{PLAIN, .features = VARLEN_FEATURE_KEY_RANGES | VARLEN_FEATURE_TREE_MASK},
         VARLEN_FEATURE_KEY_RANGES | VARLEN_FEATURE_TREE_MASK},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_attention given = rows[i].attention;
        varlen_attention a;
        assert_ok(varlen_check_attention(&given, VARLEN_PASS_FORWARD, &a));
        assert_int_equal(a.features, rows[i].features);
        given.features = rows[i].features;
        assert_ok(varlen_check_attention(&given, VARLEN_PASS_FORWARD, &a));
        assert_int_equal(a.features, rows[i].features);
    }
}

static void features_must_not_contradict_fields(void **state)
{
    (void)state;
    const struct {
        uint64_t feature;
        const char *words;
    } rows[] = {
        {VARLEN_FEATURE_CAUSAL, "features has VARLEN_FEATURE_CAUSAL, but the fields of the problem say otherwise"},
        {VARLEN_FEATURE_WINDOW, "features has VARLEN_FEATURE_WINDOW, but"},
        {VARLEN_FEATURE_TOP_LEFT, "features has VARLEN_FEATURE_TOP_LEFT, but"},
        {VARLEN_FEATURE_SOFTCAP, "features has VARLEN_FEATURE_SOFTCAP, but"},
        {VARLEN_FEATURE_DROPOUT, "features has VARLEN_FEATURE_DROPOUT, but"},
        {VARLEN_FEATURE_PAGED, "features has VARLEN_FEATURE_PAGED, but"},
        {VARLEN_FEATURE_DETERMINISTIC, "features has VARLEN_FEATURE_DETERMINISTIC, but"},
        {VARLEN_FEATURE_BATCH_INVARIANT, "features has VARLEN_FEATURE_BATCH_INVARIANT, but"},
        {VARLEN_FEATURE_CHUNK, "features has VARLEN_FEATURE_CHUNK, but"},
        {VARLEN_FEATURE_SINKS | (uint64_t)1 << 40, "features = 0x10000000010 has unknown bits 0x10000000000"},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        const varlen_attention given = {PLAIN, .features = rows[i].feature};
        varlen_attention a;
        assert_failure(varlen_check_attention(&given, VARLEN_PASS_FORWARD, &a), VARLEN_ERROR_INVALID_ARGUMENT,
                       rows[i].words);
    }
}

/* How large a row may be is the backend's to say. */
static void dims_have_no_upper_bound(void **state)
{
    (void)state;
    const varlen_attention given = {PLAIN, .head_dim = 1 << 20, .value_dim = 512};
    varlen_attention a;
    assert_ok(varlen_check_attention(&given, VARLEN_PASS_FORWARD, &a));
    assert_int_equal(a.head_dim, 1 << 20);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(resolves_the_defaults),
        cmocka_unit_test(keeps_what_is_set),
        cmocka_unit_test(causal_is_a_window),
        cmocka_unit_test(causal_takes_a_left_window),
        cmocka_unit_test(sides_without_a_bound_may_say_so),
        cmocka_unit_test(an_exact_scale_may_be_zero),
        cmocka_unit_test(takes_the_ends_of_all_ranges),
        cmocka_unit_test(refuses_what_breaks_a_rule),
        cmocka_unit_test(backward_takes_no_pages),
        cmocka_unit_test(backward_takes_no_tree_masks),
        cmocka_unit_test(refuses_unknown_passes),
        cmocka_unit_test(features_follow_from_fields),
        cmocka_unit_test(features_must_not_contradict_fields),
        cmocka_unit_test(dims_have_no_upper_bound),
    };
    return cmocka_run_group_tests_name("rules_attention", cases, NULL, NULL);
}
