/* How many threads calls use. Each case in a process of its own, which has no workers yet. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

#include "cpu/problem.h"
#include "cpu/support.h"
#include "unit/support/test.h"

enum { THREADS = 6 };

static uint64_t expected;

/* Runs on a context of so many threads, and returns how many workers there are then; -1 if bits differ. */
static int workers_for(int32_t threads)
{
    return problem_hash_with(threads, PROBLEM_NORMAL) == expected ? count_workers() : -1;
}

static int32_t compute_units(void)
{
    varlen_device_info info = {.struct_size = sizeof info};
    return varlen_get_device("cpu", 0, &info) == VARLEN_OK ? info.compute_units : -1;
}

static int use_as_many_as_asked(void *nothing)
{
    (void)nothing;
    return workers_for(THREADS) == THREADS - 1 && workers_for(2) == THREADS - 1 && workers_for(THREADS + 1) == THREADS
               ? 0
               : 1;
}

static int use_a_thousand(void *nothing)
{
    (void)nothing;
    return workers_for(1000) > 0 ? 0 : 1;
}

static int use_all_processors(void *nothing)
{
    (void)nothing;
    return workers_for(0) == compute_units() - 1 ? 0 : 1;
}

static int obey_the_environment(void *words)
{
    setenv("OMP_NUM_THREADS", words, 1);
    return compute_units() == 1 && workers_for(0) == 0 && workers_for(3) == 2 ? 0 : 1;
}

static int use_one_processor(void *nothing)
{
    cpu_set_t set;
    (void)nothing;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return CHILD_SKIPS; /* of more than 1024 processors */
    int first = 0;
    while (!CPU_ISSET(first, &set))
        first++;
    CPU_ZERO(&set);
    CPU_SET(first, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        return CHILD_SKIPS;
    return compute_units() == 1 && workers_for(0) == 0 ? 0 : 1;
}

static int move_three_rows(void *nothing)
{
    enum { ROWS = 3, HEADS = 4, DIM = 64 };
    static _Alignas(64) float rows[ROWS][HEADS][DIM], out[ROWS][HEADS][DIM];
    static _Alignas(64) float keys[ROWS][HEADS][DIM], values[ROWS][HEADS][DIM];
    static float lse[HEADS][ROWS];
    static const int32_t cu_seqlens[] = {0, 1, ROWS};
    static const int32_t no_keys[2];
    const varlen_merge_args merge = {.struct_size = sizeof merge,
                                     .parts = 1,
                                     .heads = HEADS,
                                     .tokens = ROWS,
                                     .partial_out.data = rows,
                                     .partial_lse = lse[0],
                                     .out.data = out,
                                     .value_dim = DIM};
    const varlen_kv_append_args append = {.struct_size = sizeof append,
                                          .batch = 2,
                                          .kv_heads = HEADS,
                                          .head_dim = DIM,
                                          .total_new = ROWS,
                                          .total_k = ROWS,
                                          .k_new.data = rows,
                                          .v_new.data = rows,
                                          .k_cache.data = keys,
                                          .v_cache.data = values,
                                          .cu_seqlens_new = cu_seqlens,
                                          .cu_seqlens_k = cu_seqlens,
                                          .seqused_k = no_keys};
    varlen_context *context = problem_open(THREADS);
    (void)nothing;
    bool done = context && varlen_merge(context, NULL, &merge) == VARLEN_OK &&
                varlen_kv_append(context, NULL, &append) == VARLEN_OK;
    problem_close(context);
    return done && count_workers() == 0 ? 0 : 1;
}

static void run_case(int (*work)(void *), const char *argument)
{
    const int status = run_in_child(work, (void *)argument);
    if (status == CHILD_SKIPS)
        skip();
    assert_int_equal(status, 0);
}

static void an_explicit_number_holds(void **state)
{
    (void)state;
    run_case(use_as_many_as_asked, NULL);
}

static void a_thousand_threads_work(void **state)
{
    (void)state;
    run_case(use_a_thousand, NULL);
}

static void more_than_1024_threads_are_refused(void **state)
{
    (void)state;
    assert_null(problem_open(100000));
    assert_words(varlen_error_message(), "options.threads = 100000 is above 1024");
}

static void the_default_is_the_processors(void **state)
{
    (void)state;
    run_case(use_all_processors, NULL);
}

static void the_default_obeys_the_environment(void **state)
{
    (void)state;
    run_case(obey_the_environment, "1");
    run_case(obey_the_environment, "1,4");
}

static void the_default_obeys_affinity(void **state)
{
    (void)state;
    run_case(use_one_processor, NULL);
}

static void little_work_wakes_nobody(void **state)
{
    (void)state;
    run_case(move_three_rows, NULL);
}

static int hash_alone(void **state)
{
    (void)state;
    expected = problem_hash_with(1, PROBLEM_NORMAL);
    return expected ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest cases[] = {cmocka_unit_test(an_explicit_number_holds),
                                       cmocka_unit_test(a_thousand_threads_work),
                                       cmocka_unit_test(more_than_1024_threads_are_refused),
                                       cmocka_unit_test(the_default_is_the_processors),
                                       cmocka_unit_test(the_default_obeys_the_environment),
                                       cmocka_unit_test(the_default_obeys_affinity),
                                       cmocka_unit_test(little_work_wakes_nobody)};
    return cmocka_run_group_tests_name("number of threads", cases, hash_alone, NULL);
}
