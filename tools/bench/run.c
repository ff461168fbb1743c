/* Times calls on a device: see bench/run.h. */
#include "bench/run.h"

#include <stdlib.h>
#include <time.h>

enum { FEWEST_REPETITIONS = 5, MOST_REPETITIONS = 50 };

#define BUDGET_MILLISECONDS 2000.0
#define WARM_UP_MILLISECONDS 100.0 /* at least one call, and until clocks and caches have settled */

typedef struct event_pair {
    varlen_event start;
    varlen_event end;
} event_pair;

static void destroy_pair(varlen_context *context, event_pair *pair)
{
    if (pair->start)
        varlen_event_destroy(context, pair->start);
    if (pair->end)
        varlen_event_destroy(context, pair->end);
}

static varlen_status create_pair(varlen_context *context, event_pair *pair)
{
    *pair = (event_pair){0};
    const varlen_status status = varlen_event_create(context, &pair->start);
    return status == VARLEN_OK ? varlen_event_create(context, &pair->end) : status;
}

/* What is timed. */
typedef struct timed_work {
    varlen_context *context;
    bench_call call;
    const void *user;
} timed_work;

static double host_microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e6 * (double)now.tv_sec + 1e-3 * (double)now.tv_nsec;
}

/* Enqueues a call between the two events. *host becomes what the call itself took to return. */
static varlen_status enqueue(const timed_work *work, const event_pair *pair, double *host)
{
    varlen_status status = varlen_event_record(work->context, pair->start, NULL);
    const double start = host_microseconds();
    if (status == VARLEN_OK)
        status = work->call(work->user);
    *host = host_microseconds() - start;
    return status == VARLEN_OK ? varlen_event_record(work->context, pair->end, NULL) : status;
}

static varlen_status wait_elapsed(varlen_context *context, const event_pair *pair, double *milliseconds)
{
    const varlen_status status = varlen_event_synchronize(context, pair->end);
    return status == VARLEN_OK ? varlen_event_elapsed(context, pair->start, pair->end, milliseconds) : status;
}

/* Gives the time of the last call. */
static varlen_status warm_up(const timed_work *work, const event_pair *pair, double *milliseconds)
{
    double spent = 0, host;
    varlen_status status = VARLEN_OK;
    while (spent < WARM_UP_MILLISECONDS && status == VARLEN_OK) {
        status = enqueue(work, pair, &host);
        if (status == VARLEN_OK)
            status = wait_elapsed(work->context, pair, milliseconds);
        spent += *milliseconds > 0.01 ? *milliseconds : 0.01;
    }
    return status == VARLEN_OK ? varlen_context_status(work->context) : status;
}

/* Repetitions are all enqueued before the first is waited for, so that a device does not stand idle between them. */
static varlen_status repeat(const timed_work *work, const bench_plan *plan, event_pair *pairs, int count, double *times,
                            double *hosts)
{
    varlen_status status = VARLEN_OK;
    for (int i = 0; i < count && status == VARLEN_OK; i++) {
        if (plan->starts)
            plan->starts(plan->user, i + 1, count);
        status = enqueue(work, &pairs[i], &hosts[i]);
    }
    for (int i = 0; i < count && status == VARLEN_OK; i++)
        status = wait_elapsed(work->context, &pairs[i], &times[i]);
    return status;
}

static int compare_doubles(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Between the two neighbours in rank. */
static double percentile(const double *sorted, int count, double part)
{
    const double rank = part * (count - 1);
    const int below = (int)rank;
    const int above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (rank - below) * (sorted[above] - sorted[below]);
}

static int repetitions_for(double milliseconds)
{
    const double affordable = BUDGET_MILLISECONDS / milliseconds;
    if (affordable >= MOST_REPETITIONS)
        return MOST_REPETITIONS;
    return affordable > FEWEST_REPETITIONS ? (int)affordable : FEWEST_REPETITIONS;
}

static bool measure(const timed_work *work, const bench_plan *plan, int count, bench_time *time, reason *why)
{
    event_pair *pairs = calloc((size_t)count, sizeof *pairs);
    double *times = calloc((size_t)count, sizeof *times);
    double *hosts = calloc((size_t)count, sizeof *hosts);
    bool ok = (pairs && times && hosts) || refuse(why, "out of memory");
    for (int i = 0; i < count && ok; i++)
        if (create_pair(work->context, &pairs[i]) != VARLEN_OK)
            ok = refuse(why, "%s", varlen_error_message());
    if (ok && repeat(work, plan, pairs, count, times, hosts) != VARLEN_OK)
        ok = refuse(why, "%s", varlen_error_message());
    if (ok) {
        qsort(times, (size_t)count, sizeof *times, compare_doubles);
        qsort(hosts, (size_t)count, sizeof *hosts, compare_doubles);
        *time = (bench_time){.median = percentile(times, count, 0.5),
                             .p10 = percentile(times, count, 0.1),
                             .p90 = percentile(times, count, 0.9),
                             .host = percentile(hosts, count, 0.5),
                             .repetitions = count};
        ok = time->median > 0 || refuse(why, "a call was too short for the device's clock");
    }
    for (int i = 0; pairs && i < count; i++)
        destroy_pair(work->context, &pairs[i]);
    free(pairs);
    free(times);
    free(hosts);
    return ok;
}

bool bench_time_calls(varlen_context *context, bench_call call, const void *user, const bench_plan *plan,
                      bench_time *time, reason *why)
{
    const timed_work work = {context, call, user};
    event_pair pair;
    double milliseconds = 0;
    varlen_status status = create_pair(context, &pair);
    if (status == VARLEN_OK)
        status = warm_up(&work, &pair, &milliseconds);
    destroy_pair(context, &pair);
    if (status != VARLEN_OK)
        return refuse(why, "%s", varlen_error_message());
    return measure(&work, plan, plan->repeats ? plan->repeats : repetitions_for(milliseconds), time, why);
}

static varlen_status forward(const void *problem)
{
    return bench_problem_forward(problem);
}

static varlen_status backward(const void *problem)
{
    return bench_problem_backward(problem);
}

bool bench_run(const bench_problem *problem, const bench_plan *plan, bench_time *time, reason *why)
{
    if (problem->pass == VARLEN_PASS_FORWARD)
        return bench_time_calls(problem->context, forward, problem, plan, time, why);
    if (bench_problem_forward(problem) != VARLEN_OK)
        return refuse(why, "%s", varlen_error_message());
    return bench_time_calls(problem->context, backward, problem, plan, time, why);
}
