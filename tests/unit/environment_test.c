/* The table of environment variables. */
#include <stdlib.h>

#include "core/environment.h"
#include "support/test.h"

static varlen_environment_variable variable_at(int32_t index)
{
    varlen_environment_variable variable = {.struct_size = sizeof variable};
    assert_ok(varlen_get_environment(index, &variable));
    return variable;
}

static void declares_every_variable_with_help(void **state)
{
    (void)state;
    static const char *const expected[] = {"VARLEN_BACKEND", "VARLEN_BACKEND_PATH", "VARLEN_LOG",
                                           "VARLEN_CPU_ISA", "VARLEN_GPU_KERNELS",  "VARLEN_VALIDATE"};
    assert_int_equal(varlen_environment_count(), ROWS_OF(expected));
    for (int32_t i = 0; i < varlen_environment_count(); i++) {
        const varlen_environment_variable variable = variable_at(i);
        assert_string_equal(variable.name, expected[i]);
        assert_true(strlen(variable.values) > 0);
        assert_true(strlen(variable.help) > 0);
        assert_non_null(variable.default_value);
    }
}

static void tells_the_value_of_now(void **state)
{
    (void)state;
    unsetenv("VARLEN_BACKEND");
    assert_null(variable_at(0).value);
    assert_null(varlen_environment("VARLEN_BACKEND"));
    setenv("VARLEN_BACKEND", "cpu", 1);
    assert_string_equal(variable_at(0).value, "cpu");
    assert_string_equal(varlen_environment("VARLEN_BACKEND"), "cpu");
    unsetenv("VARLEN_BACKEND");
}

static void count_line(void *user, varlen_log_level level, const char *message)
{
    (void)level;
    (void)message;
    ++*(int *)user;
}

/* And are not told to the log, which reads the environment itself. */
static void undeclared_names_are_not_read(void **state)
{
    (void)state;
    int lines = 0;
    setenv("VARLEN_SECRET", "1", 1);
    varlen_set_log_sink(count_line, &lines);
    assert_null(varlen_environment("VARLEN_SECRET"));
    assert_false(varlen_environment_is_declared("VARLEN_SECRET"));
    assert_true(varlen_environment_is_declared("VARLEN_LOG"));
    assert_int_equal(lines, 0);
    varlen_set_log_sink(NULL, NULL);
}

static void values_can_be_printed(void **state)
{
    (void)state;
    setenv("VARLEN_BACKEND", "cpu\n\x1b[2J", 1);
    assert_string_equal(variable_at(0).value, "cpu\\n\\x1b[2J");
    assert_ptr_equal(variable_at(0).value, variable_at(0).value);
    unsetenv("VARLEN_BACKEND");
}

static void index_must_be_below_the_count(void **state)
{
    (void)state;
    varlen_environment_variable variable = {.struct_size = sizeof variable};
    assert_failure(varlen_get_environment(6, &variable), VARLEN_ERROR_INVALID_ARGUMENT,
                   "index = 6 is not below varlen_environment_count() = 6");
    assert_failure(varlen_get_environment(-1, &variable), VARLEN_ERROR_INVALID_ARGUMENT, "index = -1");
    assert_failure(varlen_get_environment(0, NULL), VARLEN_ERROR_INVALID_ARGUMENT, "variable is NULL");
    assert_null(variable.name);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(declares_every_variable_with_help), cmocka_unit_test(tells_the_value_of_now),
        cmocka_unit_test(undeclared_names_are_not_read),     cmocka_unit_test(values_can_be_printed),
        cmocka_unit_test(index_must_be_below_the_count),
    };
    return cmocka_run_group_tests_name("environment", cases, NULL, NULL);
}
