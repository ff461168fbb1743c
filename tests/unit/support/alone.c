/* One process per test case. */
#include "alone.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_in_child(void **state)
{
    const struct CMUnitTest *test = *state;
    const struct CMUnitTest only[] = {*test};
    fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        exit(cmocka_run_group_tests_name(test->name, only, NULL, NULL)); /* exit, so that leaks are looked for */
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int run_each_alone(const char *group, const struct CMUnitTest *cases, size_t count)
{
    struct CMUnitTest *wrapped = calloc(count, sizeof *wrapped);
    if (!wrapped)
        return EXIT_FAILURE;
    for (size_t i = 0; i < count; i++) {
        wrapped[i].name = cases[i].name;
        wrapped[i].test_func = run_in_child;
        wrapped[i].initial_state = (void *)&cases[i];
    }
    const int failed = _cmocka_run_group_tests(group, wrapped, count, NULL, NULL);
    free(wrapped);
    return failed;
}
