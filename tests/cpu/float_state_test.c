/* Calls in programs that have changed the floating-point state of their threads: the same bits, no traps, and a state
 * that is as it was, flags included. */
#define _GNU_SOURCE
#include <fenv.h>
#include <stdbool.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "cpu/problem.h"
#include "cpu/support.h"
#include "unit/support/test.h"

enum { THREADS = 4 };

static uint64_t normal, denormal;

/* All of the control and status word on x86; elsewhere what C can tell. */
static unsigned state_of_thread(void)
{
#if defined(__x86_64__)
    return _mm_getcsr();
#else
    return (unsigned)fegetround() << 16 | (unsigned)fegetexcept() << 8 | (unsigned)fetestexcept(FE_ALL_EXCEPT);
#endif
}

static void flush_denormals(void)
{
#if defined(__x86_64__)
    const unsigned flush_to_zero = 1u << 15, denormals_are_zero = 1u << 6;
    _mm_setcsr(_mm_getcsr() | flush_to_zero | denormals_are_zero);
#elif defined(__aarch64__)
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    __asm__ volatile("msr fpcr, %0" : : "r"(control | 1u << 24));
#endif
}

static void expect_no_difference(int32_t threads, const char *what)
{
    varlen_context *context = problem_open(threads);
    assert_non_null(context);
    const unsigned before = state_of_thread();
    const uint64_t hash = problem_hash(context, PROBLEM_NORMAL);
    const uint64_t hash_of_denormals = problem_hash(context, PROBLEM_DENORMAL);
    const unsigned after = state_of_thread();
    problem_close(context);
    fesetenv(FE_DFL_ENV);
    if (hash != normal || hash_of_denormals != denormal)
        fail_msg("%s, %d threads: other bits", what, threads);
    if (before != after)
        fail_msg("%s, %d threads: the state was 0x%x, and is 0x%x", what, threads, before, after);
}

/* Workers are started by a thread in this state, or have been. */
static void expect_no_difference_in_state(void (*set)(void), const char *what)
{
    for (int32_t threads = 1; threads <= THREADS; threads += THREADS - 1) {
        set();
        expect_no_difference(threads, what);
    }
}

static void round_upward(void)
{
    fesetround(FE_UPWARD);
}

static void round_downward(void)
{
    fesetround(FE_DOWNWARD);
}

static void round_toward_zero(void)
{
    fesetround(FE_TOWARDZERO);
}

static void trap_everything(void)
{
    feenableexcept(FE_ALL_EXCEPT);
}

static void raise_a_flag(void)
{
    feraiseexcept(FE_OVERFLOW);
}

static void keep_defaults(void)
{
}

static int start_workers_while_denormals_are_flushed(void *nothing)
{
    (void)nothing;
    flush_denormals();
    round_upward();
    return problem_hash_with(THREADS, PROBLEM_DENORMAL) == denormal && count_workers() > 0 ? 0 : 1;
}

static void workers_have_a_state_of_their_own(void **state)
{
    (void)state;
    assert_int_equal(run_in_child(start_workers_while_denormals_are_flushed, NULL), 0);
}

static void bits_and_state_do_not_change(void **state)
{
    (void)state;
    expect_no_difference_in_state(keep_defaults, "the default state");
    expect_no_difference_in_state(flush_denormals, "flushing denormals");
    expect_no_difference_in_state(round_upward, "rounding upward");
    expect_no_difference_in_state(round_downward, "rounding downward");
    expect_no_difference_in_state(round_toward_zero, "rounding toward zero");
    expect_no_difference_in_state(trap_everything, "trapping");
    expect_no_difference_in_state(raise_a_flag, "a flag");
}

static void time_is_read_without_a_flag(void **state)
{
    (void)state;
    varlen_context *context = problem_open(1);
    varlen_event start, end;
    double milliseconds;
    assert_non_null(context);
    assert_ok(varlen_event_create(context, &start));
    assert_ok(varlen_event_create(context, &end));
    assert_ok(varlen_event_record(context, start, NULL));
    assert_ok(varlen_event_record(context, end, NULL));
    feclearexcept(FE_ALL_EXCEPT);
    assert_ok(varlen_event_elapsed(context, start, end, &milliseconds));
    const int raised = fetestexcept(FE_ALL_EXCEPT);
    varlen_event_destroy(context, start);
    varlen_event_destroy(context, end);
    problem_close(context);
    assert_int_equal(raised, 0);
}

/* With one thread, in the default state. */
static int hash_alone(void **state)
{
    (void)state;
    normal = problem_hash_with(1, PROBLEM_NORMAL);
    denormal = problem_hash_with(1, PROBLEM_DENORMAL);
    feclearexcept(FE_ALL_EXCEPT);
    return normal && denormal && normal != denormal ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest cases[] = {cmocka_unit_test(workers_have_a_state_of_their_own),
                                       cmocka_unit_test(bits_and_state_do_not_change),
                                       cmocka_unit_test(time_is_read_without_a_flag)};
    varlen_context *context = problem_open(1);
    if (!context) {
        printf("skipped: %s\n", varlen_error_message());
        return CHILD_SKIPS;
    }
    problem_close(context);
    return cmocka_run_group_tests_name("float_state", cases, hash_alone, NULL);
}
