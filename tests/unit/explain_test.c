/* varlen_explain: a backend's words on which kernels take a call. */
#include "support/fake_context.h"

static const varlen_attention attention = {.struct_size = sizeof attention,
                                           .batch = 3,
                                           .q_heads = 4,
                                           .kv_heads = 2,
                                           .head_dim = 8,
                                           .total_q = 6,
                                           .total_k = 6};

static varlen_status explain(varlen_context *context, const char *told, char *text, size_t size)
{
    fake_record_of_thread()->explanation = told;
    return varlen_explain(context, &attention, VARLEN_PASS_BACKWARD, text, size);
}

static void words_go_through_line_by_line(void **state)
{
    (void)state;
    varlen_context *context = open_fake("fake");
    char text[VARLEN_EXPLAIN_SIZE];
    assert_ok(explain(context, "tiles takes it\ngroups does not:\tbell \a\n\nlast", text, sizeof text));
    assert_string_equal(text, "tiles takes it\ngroups does not:\\tbell \\x07\n\nlast");
    assert_int_equal(fake_record_of_thread()->attention.value_dim, 8);
    assert_ok(explain(context, "", text, sizeof text));
    assert_string_equal(text, "");
    varlen_close(context);
}

static void what_does_not_fit_is_cut(void **state)
{
    (void)state;
    varlen_context *context = open_fake("fake");
    char text[8] = "#######";
    char endless[2 * VARLEN_EXPLAIN_SIZE];
    char all[VARLEN_EXPLAIN_SIZE];
    assert_ok(explain(context, "tiles\ntakes it", text, 7));
    assert_string_equal(text, "tiles\n");
    assert_ok(explain(context, "tiles takes it", text, 1));
    assert_string_equal(text, "");
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    assert_ok(explain(context, endless, all, sizeof all));
    assert_words(all, "xxx...");
    varlen_close(context);
}

static void what_is_refused_leaves_the_text_alone(void **state)
{
    (void)state;
    varlen_context *context = open_fake("fake");
    char text[] = "untouched";
    varlen_attention wide = attention;
    wide.head_dim = 264;
    assert_failure(explain(NULL, "words", text, sizeof text), VARLEN_ERROR_INVALID_ARGUMENT, "context is NULL");
    assert_failure(explain(context, "words", NULL, 9), VARLEN_ERROR_INVALID_ARGUMENT, "text is NULL");
    assert_failure(explain(context, "words", text, 0), VARLEN_ERROR_INVALID_ARGUMENT, "size = 0");
    assert_failure(varlen_explain(context, &wide, VARLEN_PASS_FORWARD, text, sizeof text), VARLEN_ERROR_UNSUPPORTED,
                   "head_dim = 264 is above the 256 that backend fake takes forward");
    fake_record_of_thread()->result = VARLEN_ERROR_UNSUPPORTED;
    assert_failure(explain(context, "words", text, sizeof text), VARLEN_ERROR_UNSUPPORTED, "told to fail");
    assert_string_equal(text, "untouched");
    varlen_close(context);
}

static void backends_may_tell_nothing(void **state)
{
    (void)state;
    varlen_context *context = open_fake("bare");
    char text[] = "untouched";
    assert_failure(varlen_explain(context, &attention, VARLEN_PASS_FORWARD, text, sizeof text),
                   VARLEN_ERROR_UNSUPPORTED, "backend bare does not tell which kernels calls go to");
    assert_string_equal(text, "untouched");
    varlen_close(context);
}

#define CASE(function) cmocka_unit_test_setup(function, forget_records)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(words_go_through_line_by_line),
        CASE(what_does_not_fit_is_cut),
        CASE(what_is_refused_leaves_the_text_alone),
        CASE(backends_may_tell_nothing),
    };
    return cmocka_run_group_tests_name("explain", cases, NULL, NULL);
}
