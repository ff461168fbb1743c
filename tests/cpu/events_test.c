/* One event in the hands of two threads. */
#include <pthread.h>
#include <stdbool.h>

#include "cpu/problem.h"
#include "unit/support/test.h"

enum { ROUNDS = 2000 };

typedef struct shared {
    varlen_context *context;
    varlen_event first, second;
} shared;

static void *record_on_and_on(void *pointer)
{
    const shared *with = pointer;
    bool done = true;
    for (int i = 0; i < ROUNDS; i++)
        done = done && varlen_event_record(with->context, with->second, NULL) == VARLEN_OK &&
               varlen_event_synchronize(with->context, with->second) == VARLEN_OK;
    return done ? pointer : NULL;
}

static void a_time_is_whole_while_it_is_recorded(void **state)
{
    (void)state;
    shared with = {.context = problem_open(1)};
    pthread_t thread;
    double least = 0, last = 0;
    void *done;
    assert_non_null(with.context);
    assert_ok(varlen_event_create(with.context, &with.first));
    assert_ok(varlen_event_create(with.context, &with.second));
    assert_failure(varlen_event_elapsed(with.context, with.first, with.second, &last), VARLEN_ERROR_INVALID_ARGUMENT,
                   "start has not been recorded");
    assert_ok(varlen_event_record(with.context, with.first, NULL));
    assert_ok(varlen_event_record(with.context, with.second, NULL));
    assert_int_equal(pthread_create(&thread, NULL, record_on_and_on, &with), 0);
    for (int i = 0; i < ROUNDS; i++) {
        double elapsed = -1;
        assert_ok(varlen_event_elapsed(with.context, with.first, with.second, &elapsed));
        least = elapsed - last < least ? elapsed - last : least;
        last = elapsed;
    }
    assert_int_equal(pthread_join(thread, &done), 0);
    varlen_event_destroy(with.context, with.first);
    varlen_event_destroy(with.context, with.second);
    problem_close(with.context);
    assert_ptr_equal(done, &with);
    assert_true(least >= 0); /* time never goes back, as it would if seconds and nanoseconds came apart */
}

int main(void)
{
    const struct CMUnitTest cases[] = {cmocka_unit_test(a_time_is_whole_while_it_is_recorded)};
    return cmocka_run_group_tests_name("events", cases, NULL, NULL);
}
