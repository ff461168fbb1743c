/* What every unit test includes: cmocka, in the order that it needs, and assertions on failures. */
#ifndef VARLEN_TESTS_TEST_H
#define VARLEN_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <varlen/backend.h>

/* Fails the test unless `text` has `words` in it. Prints both. */
#define assert_words(text, words) expect_words(text, words, __FILE__, __LINE__)

/* Likewise, and the status must be `expected`. The words are looked for in the thread's error message. */
#define assert_failure(status, expected, words)                                                                        \
    do {                                                                                                               \
        assert_string_equal(varlen_status_name(status), varlen_status_name(expected));                                 \
        assert_words(varlen_error_message(), words);                                                                   \
    } while (0)

/* Shows the message of a call that should have succeeded. */
#define assert_ok(status)                                                                                              \
    do {                                                                                                               \
        if ((status) != VARLEN_OK)                                                                                     \
            fail_msg("%s", varlen_error_message());                                                                    \
    } while (0)

static inline void expect_words(const char *text, const char *words, const char *file, int line)
{
    if (!strstr(text, words)) {
        print_error("expected: %s\n     got: %s\n", words, text);
        _fail(file, line);
    }
}

#define ROWS_OF(table) (sizeof(table) / sizeof(table)[0])

#endif
