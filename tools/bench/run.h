/* Times a problem of `varlen bench`: warm-up, repetitions, median and spread. */
#ifndef VARLEN_TOOLS_BENCH_RUN_H
#define VARLEN_TOOLS_BENCH_RUN_H

#include <stdbool.h>

#include "bench/problem.h"
#include "bench/result.h"

/* Called before each repetition, with its number from 1. */
typedef void (*bench_repetition)(void *user, int number, int count);

typedef struct bench_plan {
    int repeats; /* 0 = as many as a time budget allows */
    bench_repetition starts;
    void *user;
} bench_plan;

/* Times the pass that the problem was opened for. */
bool bench_run(const bench_problem *problem, const bench_plan *plan, bench_time *time, reason *why);

#endif
