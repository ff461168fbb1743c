/* Calls beside an OpenMP runtime that is loaded in the process and has run a region: openmp_test RUNTIME... The words
 * are names of one runtime's file; it is skipped if none can be loaded. */
#include <dlfcn.h>
#include <stdatomic.h>

#include "cpu/problem.h"
#include "cpu/support.h"
#include "unit/support/test.h"

enum { THREADS = 4 };

static uint64_t expected;
static atomic_int wrong;
static void (*parallel)(void (*region)(void *), void *argument, unsigned threads, unsigned flags);
static void (*set_threads)(int);

static void do_nothing(void *nothing)
{
    (void)nothing;
}

static void compute_in_region(void *context)
{
    if (problem_hash(context, PROBLEM_NORMAL) != expected)
        atomic_fetch_add(&wrong, 1);
}

static int use_all(void *context)
{
    return problem_hash(context, PROBLEM_NORMAL) == expected && problem_hash_with(0, PROBLEM_NORMAL) == expected &&
                   problem_hash_with(THREADS, PROBLEM_NORMAL) == expected
               ? 0
               : 1;
}

static void the_default_is_what_the_runtime_offers(void **state)
{
    set_threads(1);
    assert_int_equal(problem_hash(*state, PROBLEM_NORMAL), expected);
    assert_int_equal(count_workers(), 0);
    set_threads(THREADS);
    varlen_device_info info = {.struct_size = sizeof info};
    assert_ok(varlen_get_device("cpu", 0, &info));
    assert_int_equal(problem_hash(*state, PROBLEM_NORMAL), expected);
    assert_int_equal(count_workers(), info.compute_units - 1);
}

/* Each of the region's threads is one of a team already, which offers no further ones. */
static void calls_inside_a_region_use_its_threads_alone(void **state)
{
    const int before = count_workers();
    parallel(compute_in_region, *state, 3, 0);
    assert_int_equal(atomic_load(&wrong), 0);
    assert_int_equal(count_workers(), before);
}

static void calls_after_a_region_work(void **state)
{
    assert_int_equal(use_all(*state), 0);
}

static void children_of_a_process_with_a_region_work(void **state)
{
    assert_int_equal(run_in_child(use_all, *state), 0);
}

static int open_context(void **state)
{
    expected = problem_hash_with(1, PROBLEM_NORMAL);
    *state = problem_open(0);
    return expected && *state ? 0 : -1;
}

static int close_context(void **state)
{
    problem_close(*state);
    return 0;
}

int main(int count, char **words)
{
    const struct CMUnitTest cases[] = {cmocka_unit_test(the_default_is_what_the_runtime_offers),
                                       cmocka_unit_test(calls_inside_a_region_use_its_threads_alone),
                                       cmocka_unit_test(calls_after_a_region_work),
                                       cmocka_unit_test(children_of_a_process_with_a_region_work)};
    void *runtime = NULL;
    for (int i = 1; i < count && !runtime; i++)
        runtime = dlopen(words[i], RTLD_NOW | RTLD_LOCAL);
    if (!runtime) {
        printf("skipped: the OpenMP runtime is not there: %s\n", dlerror());
        return CHILD_SKIPS;
    }
    parallel = (void (*)(void (*)(void *), void *, unsigned, unsigned))dlsym(runtime, "GOMP_parallel");
    set_threads = (void (*)(int))dlsym(runtime, "omp_set_num_threads");
    parallel(do_nothing, NULL, THREADS, 0);
    return cmocka_run_group_tests_name("openmp", cases, open_context, close_context);
}
