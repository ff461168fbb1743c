/* What `varlen bench` has measured: handed from the measuring to the table, the JSON file and the comparison. */
#ifndef VARLEN_TOOLS_BENCH_RESULT_H
#define VARLEN_TOOLS_BENCH_RESULT_H

#include <varlen/varlen.h>

#include "bench/probe.h"
#include "bench/workloads.h"
#include "reason.h"

typedef struct bench_time {
    double median; /* milliseconds, as the next two */
    double p10;
    double p90;
    double host; /* microseconds until a call returns, the median: what enqueueing costs on an accelerator */
    int repetitions;
} bench_time;

/* One workload in one dtype and pass. */
typedef struct bench_result {
    const bench_workload *workload;
    varlen_dtype dtype;
    varlen_pass pass;
    bench_time time;   /* repetitions = 0: the backend does not support it */
    char skipped[256]; /* why, in the library's words */
} bench_result;

typedef struct bench_results {
    varlen_device_info device;
    int32_t threads;     /* 0 = not known, on an accelerator */
    bench_peaks peaks;   /* none measured on an accelerator */
    bench_result *items; /* owned */
    int count;
} bench_results;

double bench_gflops(const bench_result *result);         /* GFLOP/s */
double bench_gigabytes(const bench_result *result);      /* GB/s */
double bench_spread_percent(const bench_result *result); /* (p90 - p10) / median */

/* Share of the peak that bounds a result, and which one that is. */
typedef struct bench_share {
    double share;         /* 1 = at the peak; 0 = no peak is known */
    bench_peak_kind peak; /* the one that bounds */
} bench_share;

/* The larger of the share of the arithmetic peak and that of the read bandwidth. The arithmetic peak is the float32
 * FMA, or for bfloat16 the dot product where the processor has one. */
bench_share bench_result_share(const bench_results *results, const bench_result *result);

#endif
