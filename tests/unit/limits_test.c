/* What backends do not claim is refused for them. The fake one takes head_dim up to 256 and value_dim up to 128, with
 * every feature; the bare one none. */
#include "support/fake_context.h"

static _Alignas(256) float numbers[1024];
static _Alignas(256) float written[1024];
static const int32_t offsets[] = {0, 0, 0, 0};
static const varlen_attention attention = {.struct_size = sizeof attention,
                                           .batch = 3,
                                           .q_heads = 4,
                                           .kv_heads = 2,
                                           .head_dim = 8,
                                           .total_q = 6,
                                           .total_k = 6};

static void what_the_table_does_not_claim_is_refused(void **state)
{
    (void)state;
    varlen_context *context = open_fake("fake");
    varlen_attention wide = attention;
    size_t size;
    wide.head_dim = 264;
    wide.value_dim = 8;
    assert_failure(varlen_supports(context, &wide, VARLEN_PASS_FORWARD), VARLEN_ERROR_UNSUPPORTED,
                   "head_dim = 264 is above the 256 that backend fake takes forward");
    assert_failure(varlen_workspace_size(context, &wide, VARLEN_PASS_BACKWARD, &size), VARLEN_ERROR_UNSUPPORTED,
                   "head_dim = 264 is above the 256 that backend fake takes backward");
    wide.head_dim = 136;
    wide.value_dim = 0;
    assert_failure(varlen_supports(context, &wide, VARLEN_PASS_FORWARD), VARLEN_ERROR_UNSUPPORTED,
                   "value_dim = 136 is above the 128 that backend fake takes forward");
    wide.value_dim = 128;
    assert_ok(varlen_supports(context, &wide, VARLEN_PASS_FORWARD));
    varlen_close(context);
}

static void calls_around_have_limits_of_their_own(void **state)
{
    (void)state;
    varlen_context *context = open_fake("fake");
    const varlen_merge_args merge = {.struct_size = sizeof merge,
                                     .parts = 1,
                                     .heads = 1,
                                     .tokens = 1,
                                     .partial_out = {numbers, 0, 0},
                                     .partial_lse = numbers,
                                     .out = {written, 0, 0},
                                     .value_dim = 136};
    varlen_kv_append_args append = {.struct_size = sizeof append,
                                    .batch = 3,
                                    .kv_heads = 1,
                                    .head_dim = 264,
                                    .value_dim = 8,
                                    .cu_seqlens_new = offsets,
                                    .cu_seqlens_k = offsets,
                                    .seqused_k = offsets};
    assert_failure(varlen_merge(context, NULL, &merge), VARLEN_ERROR_UNSUPPORTED,
                   "value_dim = 136 is above the 128 that backend fake takes in varlen_merge");
    assert_failure(varlen_kv_append(context, NULL, &append), VARLEN_ERROR_UNSUPPORTED,
                   "head_dim = 264 is above the 256 that backend fake takes in varlen_kv_append");
    append.head_dim = 8;
    append.value_dim = 136;
    assert_failure(varlen_kv_append(context, NULL, &append), VARLEN_ERROR_UNSUPPORTED,
                   "value_dim = 136 is above the 128 that backend fake takes in varlen_kv_append");
    assert_int_equal(fake_record_of_thread()->calls, 0);
    varlen_close(context);
}

/* A device may take less than the backend's table says. */
static void a_device_s_dtypes_are_heeded(void **state)
{
    (void)state;
    fake_record_of_thread()->missing_dtypes = 1u << VARLEN_BFLOAT16;
    varlen_context *context = open_fake("fake");
    varlen_attention halves = attention;
    varlen_device_info info = {.struct_size = sizeof info};
    assert_ok(varlen_context_device(context, &info));
    assert_int_equal(info.dtypes, 1u << VARLEN_FLOAT32 | 1u << VARLEN_FLOAT16); /* what both say */
    halves.dtype = VARLEN_BFLOAT16;
    assert_failure(varlen_supports(context, &halves, VARLEN_PASS_FORWARD), VARLEN_ERROR_UNSUPPORTED,
                   "backend fake does not take bfloat16 forward");
    halves.dtype = VARLEN_FLOAT16;
    assert_ok(varlen_supports(context, &halves, VARLEN_PASS_FORWARD));
    varlen_close(context);
}

static void the_backend_gets_the_complete_word(void **state)
{
    (void)state;
    varlen_context *context = open_fake("fake");
    varlen_attention asked = attention;
    asked.mask = VARLEN_MASK_CAUSAL;
    asked.features = VARLEN_FEATURE_SINKS | VARLEN_FEATURE_LSE;
    assert_ok(varlen_supports(context, &asked, VARLEN_PASS_BACKWARD));
    assert_int_equal(fake_record_of_thread()->attention.features,
                     VARLEN_FEATURE_SINKS | VARLEN_FEATURE_LSE | VARLEN_FEATURE_CAUSAL);
    assert_int_equal(fake_record_of_thread()->misfits, 0);
    varlen_close(context);
}

/* The fake knows quantised keys, but claims no dtype of theirs. */
static void dtypes_of_keys_are_refused_by_name(void **state)
{
    (void)state;
    varlen_context *context = open_fake("fake");
    varlen_attention asked = attention;
    asked.head_dim = 16;
    asked.kv_dtype = VARLEN_FLOAT8_E4M3;
    assert_failure(varlen_supports(context, &asked, VARLEN_PASS_FORWARD), VARLEN_ERROR_UNSUPPORTED,
                   "backend fake does not take keys and values in float8_e4m3 forward");
    varlen_close(context);
}

static void features_are_refused_by_name(void **state)
{
    (void)state;
    const struct {
        varlen_attention attention;
        const char *words;
    } rows[] = {
        {{.features = VARLEN_FEATURE_SINKS}, "backend bare does not know VARLEN_FEATURE_SINKS forward"},
        {{.features = VARLEN_FEATURE_LSE}, "backend bare does not know VARLEN_FEATURE_LSE forward"},
        {{.features = VARLEN_FEATURE_SINKS | VARLEN_FEATURE_ALIBI},
         "backend bare does not know VARLEN_FEATURE_ALIBI forward"}, /* one of them, so that refusals can be counted */
        {{.mask = VARLEN_MASK_CAUSAL}, "backend bare does not know VARLEN_FEATURE_CAUSAL forward"},
        {{.softcap = 30}, "backend bare does not know VARLEN_FEATURE_SOFTCAP forward"},
        {{.kv_dtype = VARLEN_INT8}, "backend bare does not know VARLEN_FEATURE_QUANTIZED forward"},
        {{.flags = VARLEN_FLAG_DETERMINISTIC}, "backend bare does not know VARLEN_FEATURE_DETERMINISTIC forward"},
    };
    varlen_context *context = open_fake("bare");
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_attention asked = attention;
        asked.features = rows[i].attention.features;
        asked.mask = rows[i].attention.mask;
        asked.softcap = rows[i].attention.softcap;
        asked.flags = rows[i].attention.flags;
        asked.head_dim = 16;
        asked.kv_dtype = rows[i].attention.kv_dtype;
        assert_failure(varlen_supports(context, &asked, VARLEN_PASS_FORWARD), VARLEN_ERROR_UNSUPPORTED, rows[i].words);
    }
    assert_ok(varlen_supports(context, &attention, VARLEN_PASS_FORWARD));
    varlen_close(context);
}

/* One problem is asked about in both passes, and what only the other one brings is nothing to refuse. */
static void features_of_the_other_pass_do_not_count(void **state)
{
    (void)state;
    varlen_context *context = open_fake("bare");
    varlen_attention asked = attention;
    asked.features = VARLEN_FEATURE_DSINKS | VARLEN_FEATURE_DLSE;
    assert_ok(varlen_supports(context, &asked, VARLEN_PASS_FORWARD));
    varlen_close(context);
}

#define CASE(function) cmocka_unit_test_setup(function, forget_records)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(what_the_table_does_not_claim_is_refused),
        CASE(calls_around_have_limits_of_their_own),
        CASE(a_device_s_dtypes_are_heeded),
        CASE(the_backend_gets_the_complete_word),
        CASE(dtypes_of_keys_are_refused_by_name),
        CASE(features_are_refused_by_name),
        CASE(features_of_the_other_pass_do_not_count),
    };
    return cmocka_run_group_tests_name("limits", cases, NULL, NULL);
}
