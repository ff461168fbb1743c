/* A backend that was built for plugin ABI 1.0, under a library of 1.1: what only 1.1 has is refused with the reason,
 * and never dropped; the rest is served. */
#include "calls.h"

static void assert_refused(varlen_status status, const char *words)
{
    assert_failure(status, VARLEN_ERROR_UNSUPPORTED, words);
    assert_int_equal(fake_record_of_thread()->calls, 0);
}

/* The words about a struct that ends with the later field. */
#define assert_too_large(status, type)                                                                                 \
    do {                                                                                                               \
        char words[160];                                                                                               \
        const int known = (int)(sizeof(type) - sizeof(uint64_t));                                                      \
        snprintf(words, sizeof words,                                                                                  \
                 #type " is larger than the %d bytes that backend fake was built with, and byte %d, which it does "    \
                       "not know, is not 0",                                                                           \
                 known, known);                                                                                        \
        assert_refused(status, words);                                                                                 \
    } while (0)

static void what_it_knows_is_served(void **state)
{
    (void)state;
    const calls made = calls_make();
    varlen_device_info device = {.struct_size = sizeof device, .later = 5};
    assert_ok(varlen_context_device(made.context, &device));
    assert_int_equal(device.later, 0);
    calls_expect_served(&made);
    varlen_close(made.context);
}

static void a_later_field_of_the_problem_is_refused(void **state)
{
    (void)state;
    calls made = calls_make();
    size_t size;
    made.attention.later = 1;
    assert_too_large(varlen_supports(made.context, &made.attention, VARLEN_PASS_FORWARD), varlen_attention);
    assert_too_large(varlen_supports(made.context, &made.attention, VARLEN_PASS_BACKWARD), varlen_attention);
    assert_too_large(varlen_workspace_size(made.context, &made.attention, VARLEN_PASS_FORWARD, &size),
                     varlen_attention);
    assert_too_large(calls_forward(&made), varlen_attention);
    assert_too_large(calls_backward(&made), varlen_attention);
    varlen_close(made.context);
}

static void a_later_field_of_the_arguments_is_refused(void **state)
{
    (void)state;
    calls made = calls_make();
    made.inputs.later = 1;
    assert_too_large(calls_forward(&made), varlen_inputs);
    assert_too_large(calls_backward(&made), varlen_inputs);
    made.inputs.later = 0;
    made.forward.later = made.backward.later = 1;
    assert_too_large(calls_forward(&made), varlen_forward_args);
    assert_too_large(calls_backward(&made), varlen_backward_args);
    made.merge.later = made.pack.later = made.kv_append.later = 1;
    assert_too_large(varlen_merge(made.context, NULL, &made.merge), varlen_merge_args);
    assert_too_large(varlen_pack(made.context, NULL, &made.pack), varlen_pack_args);
    assert_too_large(varlen_unpack(made.context, NULL, &made.pack), varlen_pack_args);
    assert_too_large(varlen_kv_append(made.context, NULL, &made.kv_append), varlen_kv_append_args);
    varlen_close(made.context);
}

static void a_later_feature_is_refused(void **state)
{
    (void)state;
    calls made = calls_make();
    size_t size;
    made.attention.features |= VARLEN_FEATURE_LATER;
    const char *forward = "backend fake does not know VARLEN_FEATURE_LATER forward";
    const char *backward = "backend fake does not know VARLEN_FEATURE_LATER backward";
    assert_refused(varlen_supports(made.context, &made.attention, VARLEN_PASS_FORWARD), forward);
    assert_refused(varlen_workspace_size(made.context, &made.attention, VARLEN_PASS_BACKWARD, &size), backward);
    assert_refused(calls_forward(&made), forward);
    assert_refused(calls_backward(&made), backward);
    varlen_close(made.context);
}

/* A mask has its feature, which follows from it. */
static void a_later_mask_is_refused(void **state)
{
    (void)state;
    calls made = calls_make();
    made.attention.mask = VARLEN_MASK_LATER;
    assert_refused(calls_forward(&made), "backend fake does not know VARLEN_FEATURE_LATER_MASK forward");
    assert_refused(calls_backward(&made), "backend fake does not know VARLEN_FEATURE_LATER_MASK backward");
    varlen_close(made.context);
}

static void a_later_dtype_is_refused(void **state)
{
    (void)state;
    calls made = calls_make();
    made.attention.dtype = made.merge.partial_dtype = made.kv_append.dtype = VARLEN_FLOAT4;
    assert_refused(calls_forward(&made), "backend fake does not take float4 forward");
    assert_refused(calls_backward(&made), "backend fake does not take float4 backward");
    assert_refused(varlen_merge(made.context, NULL, &made.merge), "backend fake does not take float4 in varlen_merge");
    assert_refused(varlen_kv_append(made.context, NULL, &made.kv_append),
                   "backend fake does not take float4 in varlen_kv_append");
    varlen_close(made.context);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(what_it_knows_is_served),
        cmocka_unit_test(a_later_field_of_the_problem_is_refused),
        cmocka_unit_test(a_later_field_of_the_arguments_is_refused),
        cmocka_unit_test(a_later_feature_is_refused),
        cmocka_unit_test(a_later_mask_is_refused),
        cmocka_unit_test(a_later_dtype_is_refused),
    };
    return cmocka_run_group_tests_name("versions/older_plugin", cases, NULL, NULL);
}
