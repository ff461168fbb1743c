/* Runs the problem of `varlen run` on a device, and times it. */
#ifndef VARLEN_TOOLS_RUN_EXECUTE_H
#define VARLEN_TOOLS_RUN_EXECUTE_H

#include "run/problem.h"

typedef struct run_time {
    double milliseconds; /* median over the repetitions, after one warm-up */
    int repetitions;     /* 0: this pass did not run */
} run_time;

typedef struct run_result {
    varlen_device_info device;
    run_time forward;
    run_time backward;
    npy_array outputs[OUTPUT_COUNT]; /* float32; zeroed where not wanted */
} run_result;

/* On failure the result is empty, and the reason has the library's words. */
bool run_execute(const run_arguments *arguments, const run_problem *problem, run_result *result, reason *why);

void run_result_free(run_result *result);

#endif
