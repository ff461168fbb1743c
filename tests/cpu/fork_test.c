/* Calls in forked children: after calls with threads in the parent, and beside them. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "cpu/problem.h"
#include "cpu/support.h"
#include "unit/support/test.h"

enum { THREADS = 4, BESIDE = 3, FORKS = 10 };

static uint64_t expected;

/* The work of children: 0 if the calls give the bits that they give in one thread. */

static int use_old_context(void *opened_before)
{
    return problem_hash(opened_before, PROBLEM_NORMAL) == expected ? 0 : 1;
}

static int use_new_context(void *opened_before)
{
    (void)opened_before;
    return problem_hash_with(THREADS, PROBLEM_NORMAL) == expected ? 0 : 1;
}

static int use_grandchild(void *opened_before)
{
    return use_old_context(opened_before) == 0 ? run_in_child(use_old_context, opened_before) : 1;
}

static void children_call_after_their_parent(void **state)
{
    varlen_context *context = *state;
    assert_int_equal(problem_hash(context, PROBLEM_NORMAL), expected);
    assert_int_equal(run_in_child(use_old_context, context), 0);
    assert_int_equal(run_in_child(use_new_context, context), 0);
    assert_int_equal(run_in_child(use_grandchild, context), 0);
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
        failed = run_in_child(i % 2 ? use_old_context : use_new_context, context);
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
