/* Error text, status names, version. */
#include <pthread.h>

#include "core/error.h"
#include "core/text.h"
#include "support/test.h"

static void message_is_empty_before_any_failure(void **state)
{
    (void)state;
    assert_string_equal(varlen_error_message(), "");
}

static void fail_sets_message_and_returns_status(void **state)
{
    (void)state;
    assert_int_equal(varlen_fail(VARLEN_ERROR_DEVICE, "x = %d is not %s", 3, "four"), VARLEN_ERROR_DEVICE);
    assert_string_equal(varlen_error_message(), "x = 3 is not four");
}

static void message_may_quote_the_message_before(void **state)
{
    (void)state;
    varlen_fail(VARLEN_ERROR_DEVICE, "inner");
    varlen_fail(VARLEN_ERROR_DEVICE, "outer: %s", varlen_error_message());
    assert_string_equal(varlen_error_message(), "outer: inner");
}

static void long_message_is_cut_with_dots(void **state)
{
    (void)state;
    char longest[5000];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    varlen_fail(VARLEN_ERROR_DEVICE, "%s", longest);
    const size_t length = strlen(varlen_error_message());
    assert_int_equal(length, sizeof(((varlen_text *)0)->data) - 1);
    assert_string_equal(varlen_error_message() + length - 4, "a...");
}

static void text_that_just_fits_is_whole(void **state)
{
    (void)state;
    varlen_text text = {0};
    const int room = sizeof text.data - 1;
    varlen_text_add(&text, "%*s", room, "b");
    assert_int_equal(text.length, room);
    assert_int_equal(text.data[room - 1], 'b');
    varlen_text_add(&text, "c");
    assert_int_equal(text.length, room);
    assert_string_equal(text.data + room - 3, "...");
}

static void text_is_one_line_that_can_be_printed(void **state)
{
    (void)state;
    static const struct {
        const char *given;
        const char *expected;
    } rows[] = {
        {"plain \"text\" with \\", "plain \"text\" with \\"},
        {"a\nb\rc\td", "a\\nb\\rc\\td"},
        {"\x1b[31mred\x7f\x01", "\\x1b[31mred\\x7f\\x01"},
        {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"\xc2\x9b"
         "31m",
         "\\xc2\\x9b31m"},                                                       /* a control character in UTF-8 */
        {"\xff\xc3", "\\xff\\xc3"},                                              /* not UTF-8; begun and not ended */
        {"\xc0\x8a\xe0\x80\x8a", "\\xc0\\x8a\\xe0\\x80\\x8a"},                   /* too long for what they say */
        {"\xed\xa0\x80\xf4\x90\x80\x80", "\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80"}, /* no characters */
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_fail(VARLEN_ERROR_DEVICE, "%s", rows[i].given);
        assert_string_equal(varlen_error_message(), rows[i].expected);
        assert_int_equal(varlen_text_is_printable(rows[i].given), strcmp(rows[i].given, rows[i].expected) == 0);
    }
}

static void text_is_not_cut_inside_a_character(void **state)
{
    (void)state;
    varlen_text text = {0};
    varlen_text_add(&text, "%*s", (int)sizeof text.data - 6, "b");
    varlen_text_add(&text, "\xe2\x82\xac");
    assert_int_equal(text.length, sizeof text.data - 3);
    varlen_text_add(&text, "\xe2\x82\xac");
    assert_string_equal(text.data + sizeof text.data - 7, "b...");
    assert_true(varlen_text_is_printable(text.data));
}

static void *look_at_message(void *seen_empty)
{
    *(int *)seen_empty = varlen_error_message()[0] == '\0';
    varlen_fail(VARLEN_ERROR_DEVICE, "of the other thread");
    return NULL;
}

static void each_thread_has_its_own_message(void **state)
{
    (void)state;
    int seen_empty = 0;
    pthread_t thread;
    varlen_fail(VARLEN_ERROR_DEVICE, "mine");
    assert_int_equal(pthread_create(&thread, NULL, look_at_message, &seen_empty), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(seen_empty, 1);
    assert_string_equal(varlen_error_message(), "mine");
}

static void kept_message_can_be_restored(void **state)
{
    (void)state;
    varlen_fail(VARLEN_ERROR_DEVICE, "first");
    const varlen_text kept = varlen_error_keep();
    varlen_fail(VARLEN_ERROR_DEVICE, "second");
    varlen_error_restore(&kept);
    assert_string_equal(varlen_error_message(), "first");
}

static void mark_tells_failures_after_it(void **state)
{
    (void)state;
    varlen_fail(VARLEN_ERROR_DEVICE, "before");
    varlen_error_mark();
    assert_int_equal(varlen_error_since_mark(), VARLEN_OK);
    varlen_fail(VARLEN_ERROR_DEVICE, "after");
    assert_int_equal(varlen_error_since_mark(), VARLEN_ERROR_DEVICE);
}

static void status_names(void **state)
{
    (void)state;
    assert_string_equal(varlen_status_name(VARLEN_OK), "VARLEN_OK");
    assert_string_equal(varlen_status_name(VARLEN_ERROR_INVALID_ARGUMENT), "VARLEN_ERROR_INVALID_ARGUMENT");
    assert_string_equal(varlen_status_name(VARLEN_ERROR_UNSUPPORTED), "VARLEN_ERROR_UNSUPPORTED");
    assert_string_equal(varlen_status_name(VARLEN_ERROR_BACKEND_UNAVAILABLE), "VARLEN_ERROR_BACKEND_UNAVAILABLE");
    assert_string_equal(varlen_status_name(VARLEN_ERROR_BAD_METADATA), "VARLEN_ERROR_BAD_METADATA");
    assert_string_equal(varlen_status_name(VARLEN_ERROR_OUT_OF_MEMORY), "VARLEN_ERROR_OUT_OF_MEMORY");
    assert_string_equal(varlen_status_name(VARLEN_ERROR_DEVICE), "VARLEN_ERROR_DEVICE");
    assert_string_equal(varlen_status_name(VARLEN_ERROR_INTERNAL), "VARLEN_ERROR_INTERNAL");
    assert_string_equal(varlen_status_name((varlen_status)8), "unknown status");
    assert_string_equal(varlen_status_name((varlen_status)-1), "unknown status");
}

static void version_is_that_of_the_header(void **state)
{
    (void)state;
    char expected[32];
    snprintf(expected, sizeof expected, "%d.%d.%d", VARLEN_VERSION_MAJOR, VARLEN_VERSION_MINOR, VARLEN_VERSION_PATCH);
    assert_string_equal(varlen_version(), expected);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(message_is_empty_before_any_failure), /* first: the others fail on purpose */
        cmocka_unit_test(fail_sets_message_and_returns_status), cmocka_unit_test(message_may_quote_the_message_before),
        cmocka_unit_test(long_message_is_cut_with_dots),        cmocka_unit_test(text_that_just_fits_is_whole),
        cmocka_unit_test(text_is_one_line_that_can_be_printed), cmocka_unit_test(text_is_not_cut_inside_a_character),
        cmocka_unit_test(each_thread_has_its_own_message),      cmocka_unit_test(kept_message_can_be_restored),
        cmocka_unit_test(mark_tells_failures_after_it),         cmocka_unit_test(status_names),
        cmocka_unit_test(version_is_that_of_the_header),
    };
    return cmocka_run_group_tests_name("error", cases, NULL, NULL);
}
