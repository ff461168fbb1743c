/* Calls in forked children: after calls with threads in the parent, and beside them. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cpu/problem.h"
#include "unit/support/test.h"

enum { THREADS = 4, BESIDE = 3, FORKS = 20, CHILD_SECONDS = 120 };

static uint64_t expected;

/* What a child does: 0 if the calls give the bits that they give in one thread. */
typedef int (*child_work)(varlen_context *opened_before);

static int use_old_context(varlen_context *opened_before)
{
    return problem_hash(opened_before, PROBLEM_NORMAL) == expected ? 0 : 1;
}

static int use_new_context(varlen_context *opened_before)
{
    (void)opened_before;
    return problem_hash_with(THREADS, PROBLEM_NORMAL) == expected ? 0 : 1;
}

static int exit_status_of(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int use_grandchild(varlen_context *opened_before)
{
    if (use_old_context(opened_before) != 0)
        return 1;
    const pid_t child = fork();
    if (child == 0) {
        alarm(CHILD_SECONDS);
        _exit(use_old_context(opened_before));
    }
    int status;
    return waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
}

static int in_child(child_work work, varlen_context *context)
{
    const pid_t child = fork();
    if (child == 0) {
        alarm(CHILD_SECONDS); /* rather than hang */
        _exit(work(context));
    }
    return exit_status_of(child);
}

static void children_call_after_their_parent(void **state)
{
    varlen_context *context = *state;
    assert_int_equal(problem_hash(context, PROBLEM_NORMAL), expected);
    assert_int_equal(in_child(use_old_context, context), 0);
    assert_int_equal(in_child(use_new_context, context), 0);
    assert_int_equal(in_child(use_grandchild, context), 0);
    assert_int_equal(problem_hash(context, PROBLEM_NORMAL), expected); /* the parent's team is whole */
}

static atomic_bool stop;

static void *compute(void *context)
{
    bool right = true;
    while (!atomic_load(&stop))
        right = right && problem_hash(context, PROBLEM_NORMAL) == expected;
    return right ? context : NULL;
}

static void children_call_while_their_parent_computes(void **state)
{
    varlen_context *context = *state;
    pthread_t threads[BESIDE];
    int failed = 0;
    atomic_store(&stop, false);
    for (int i = 0; i < BESIDE; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, compute, context), 0);
    for (int i = 0; i < FORKS && !failed; i++)
        failed = in_child(i % 2 ? use_old_context : use_new_context, context);
    atomic_store(&stop, true);
    for (int i = 0; i < BESIDE; i++) {
        void *right;
        assert_int_equal(pthread_join(threads[i], &right), 0);
        assert_ptr_equal(right, context);
    }
    assert_int_equal(failed, 0);
}

static int open_context(void **state)
{
    expected = problem_hash_with(1, PROBLEM_NORMAL);
    *state = problem_open(THREADS);
    return expected && *state ? 0 : -1;
}

static int close_context(void **state)
{
    problem_close(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test_setup_teardown(children_call_after_their_parent, open_context, close_context),
        cmocka_unit_test_setup_teardown(children_call_while_their_parent_computes, open_context, close_context)};
    return cmocka_run_group_tests_name("fork", cases, NULL, NULL);
}
