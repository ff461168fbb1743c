/* Where log lines go. VARLEN_LOG is read once, so each case has a process of its own. */
#include <stdlib.h>
#include <unistd.h>

#include "core/log.h"
#include "core/plugin.h"
#include "support/alone.h"

/* What `write_lines` prints on stderr. The text lives until the next call. */
static const char *printed_by(void (*write_lines)(void))
{
    static char text[4096];
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stderr);
    const int saved = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    write_lines();
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void write_one_of_each(void)
{
    varlen_log(VARLEN_LOG_ERROR, "line %d", 0);
    varlen_log(VARLEN_LOG_WARN, "line %d", 1);
    varlen_log(VARLEN_LOG_INFO, "line %d", 2);
    varlen_log(VARLEN_LOG_DEBUG, "line %d", 3);
    varlen_log((varlen_log_level)4, "line %d", 4);
}

static void prints_nothing_unless_asked(void **state)
{
    (void)state;
    unsetenv("VARLEN_LOG");
    assert_string_equal(printed_by(write_one_of_each), "");
}

static void prints_up_to_the_level_asked_for(void **state)
{
    (void)state;
    setenv("VARLEN_LOG", "info", 1);
    assert_string_equal(printed_by(write_one_of_each),
                        "varlen: error: line 0\nvarlen: warn: line 1\nvarlen: info: line 2\n");
}

static void takes_an_unknown_level_for_warn_and_says_so(void **state)
{
    (void)state;
    setenv("VARLEN_LOG", "loud", 1);
    const char *text = printed_by(write_one_of_each);
    assert_words(text, "VARLEN_LOG is none of error, warn, info and debug");
    assert_words(text, "varlen: warn: line 1\n");
    assert_null(strstr(text, "line 2"));
}

static int received[4];

static void count_line(void *user, varlen_log_level level, const char *message)
{
    char expected[16];
    snprintf(expected, sizeof expected, "line %d", (int)level);
    assert_string_equal(message, expected);
    assert_ptr_equal(user, received);
    received[level]++;
}

static void write_to_sink(void)
{
    varlen_set_log_sink(count_line, received);
    write_one_of_each();
    varlen_set_log_sink(NULL, NULL);
    varlen_log(VARLEN_LOG_DEBUG, "after the sink");
}

static void sink_receives_all_levels_and_stderr_none(void **state)
{
    (void)state;
    unsetenv("VARLEN_LOG");
    assert_string_equal(printed_by(write_to_sink), "");
    for (int level = 0; level < 4; level++)
        assert_int_equal(received[level], 1);
}

static void stderr_is_back_after_the_sink(void **state)
{
    (void)state;
    setenv("VARLEN_LOG", "debug", 1);
    assert_string_equal(printed_by(write_to_sink), "varlen: debug: after the sink\n");
}

static void ask_for_a_secret(void)
{
    enum { SECONDS = 30 };
    alarm(SECONDS); /* a lock that is waited for by its own thread would hang */
    assert_null(varlen_plugin_host.environment("VARLEN_SECRET"));
    alarm(0);
}

/* The line is written under the log's lock, which VARLEN_LOG is then read under: nothing on that way may write a line.
 */
static void the_first_line_may_be_about_the_environment(void **state)
{
    (void)state;
    setenv("VARLEN_LOG", "error", 1);
    setenv("VARLEN_SECRET", "1", 1);
    assert_words(printed_by(ask_for_a_secret), "VARLEN_SECRET is not one of varlen's environment variables");
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(prints_nothing_unless_asked),
        cmocka_unit_test(prints_up_to_the_level_asked_for),
        cmocka_unit_test(takes_an_unknown_level_for_warn_and_says_so),
        cmocka_unit_test(sink_receives_all_levels_and_stderr_none),
        cmocka_unit_test(stderr_is_back_after_the_sink),
        cmocka_unit_test(the_first_line_may_be_about_the_environment),
    };
    return run_each_alone("log", cases, ROWS_OF(cases));
}
