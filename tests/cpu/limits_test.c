/* Calls where threads or memory cannot be had: they go on with less, or say so. Each case in a process of its own. */
#define _GNU_SOURCE
#include <grp.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cpu/problem.h"
#include "cpu/support.h"
#include "unit/support/test.h"

enum { THREADS = 6 };

/* Sanitizers take terabytes of addresses, end the process where they get no memory, and start threads of their own. */
#if defined(SANITIZED)
enum { HAS_SANITIZER = 1 };
#else
enum { HAS_SANITIZER = 0 };
#endif

static uint64_t expected;

static void *do_nothing(void *nothing)
{
    return nothing;
}

/* A user that has no other processes, and to whom the limit applies: not root. */
static int become_nobody(void)
{
    const uid_t nobody = 54321;
    if (geteuid() != 0)
        return 0;
    return setgroups(0, NULL) == 0 && setresgid(nobody, nobody, nobody) == 0 && setresuid(nobody, nobody, nobody) == 0
               ? 0
               : -1;
}

static int compute_without_threads(void *context)
{
    const struct rlimit none = {1, 1};
    pthread_t thread;
    if (become_nobody() != 0 || setrlimit(RLIMIT_NPROC, &none) != 0 ||
        pthread_create(&thread, NULL, do_nothing, NULL) == 0)
        return CHILD_SKIPS;
    for (int i = 0; i < 3; i++)
        if (problem_hash(context, PROBLEM_NORMAL) != expected || count_workers() != 0)
            return 1;
    return 0;
}

static int compute_with_some_threads(void *context)
{
    const struct rlimit some = {3, 3}; /* the process and two workers, where the user has no other processes */
    if (geteuid() != 0 || become_nobody() != 0 || setrlimit(RLIMIT_NPROC, &some) != 0)
        return CHILD_SKIPS;
    return problem_hash(context, PROBLEM_NORMAL) == expected && count_workers() == 2 ? 0 : 1;
}

static size_t address_space(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%lu", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Stacks of workers may take what the call's own memory needs: then the call fails with that reason. */
static int compute_in(void *bytes)
{
    const size_t limit = address_space() + *(const size_t *)bytes;
    const struct rlimit limits = {limit, limit};
    varlen_context *context = problem_open(1000);
    if (!context || setrlimit(RLIMIT_AS, &limits) != 0)
        return CHILD_SKIPS;
    uint64_t hash = problem_hash(context, PROBLEM_NORMAL);
    if (count_workers() > 900)
        return 2; /* the limit was none */
    return hash == expected || hash == 0 ? 0 : 1;
}

static void run_case(int (*work)(void *), void *argument)
{
    const int status = run_in_child(work, argument);
    if (status == CHILD_SKIPS)
        skip();
    assert_int_equal(status, 0);
}

static void without_threads_the_caller_works_alone(void **state)
{
    run_case(compute_without_threads, *state);
}

static void some_threads_are_used(void **state)
{
    if (HAS_SANITIZER)
        skip();
    run_case(compute_with_some_threads, *state);
}

static void no_memory_for_stacks_is_no_end(void **state)
{
    (void)state;
    if (HAS_SANITIZER)
        skip();
    const size_t megabyte = 1 << 20;
    const size_t sizes[] = {1 * megabyte, 8 * megabyte, 32 * megabyte, 64 * megabyte, 128 * megabyte};
    for (size_t i = 0; i < ROWS_OF(sizes); i++)
        run_case(compute_in, (void *)&sizes[i]);
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
    const struct CMUnitTest cases[] = {cmocka_unit_test(without_threads_the_caller_works_alone),
                                       cmocka_unit_test(some_threads_are_used),
                                       cmocka_unit_test(no_memory_for_stacks_is_no_end)};
    return cmocka_run_group_tests_name("limits", cases, open_context, close_context);
}
