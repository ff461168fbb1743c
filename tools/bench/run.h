/* Times calls on a device: warm-up, repetitions, median and spread. */
#ifndef VARLEN_TOOLS_BENCH_RUN_H
#define VARLEN_TOOLS_BENCH_RUN_H

#include <stdbool.h>

#include "bench/problem.h"
#include "bench/result.h"

/* Called before each repetition, with its number from 1. */
typedef void (*bench_repetition)(void *user, int number, int count);

typedef struct bench_plan {
    int repeats;             /* 0 = as many as a time budget allows */
    bench_repetition starts; /* NULL = nobody wants to know */
    void *user;
} bench_plan;

/* Enqueues work on the default stream of a context. */
typedef varlen_status (*bench_call)(const void *user);

/* Times call(user). */
bool bench_time_calls(varlen_context *context, bench_call call, const void *user, const bench_plan *plan,
                      bench_time *time, reason *why);

/* Times the pass that the problem was opened for. */
bool bench_run(const bench_problem *problem, const bench_plan *plan, bench_time *time, reason *why);

#endif
