/* What `varlen bench` has measured: handed from the measuring to the table, the JSON file and the comparison. */
#ifndef VARLEN_TOOLS_BENCH_RESULT_H
#define VARLEN_TOOLS_BENCH_RESULT_H

#include <varlen/varlen.h>

#include "bench/peaks.h"
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
    char skipped[256]; /* why */
} bench_result;

typedef struct bench_results {
    varlen_device_info device;
    int32_t threads; /* 0 = not known, on an accelerator */
    bench_peaks peaks;
    bench_result *items; /* owned */
    int count;
} bench_results;

double bench_gflops(const bench_result *result);         /* GFLOP/s */
double bench_gigabytes(const bench_result *result);      /* GB/s */
double bench_spread_percent(const bench_result *result); /* (p90 - p10) / median */

/* What bounds a result: the time that its flops take at the arithmetic peak, or its bytes at the bandwidth, whichever
 * is longer. */
typedef struct bench_bound {
    double milliseconds; /* 0 = not known */
    bench_peak_kind by;
    bool is_floor; /* false: by the rate of even batches, which is no peak, so that a better kernel may take less */
} bench_bound;

/* Both rates are the given ones where they are given. Else on a processor: float32 FMA, or for bfloat16 the dot product
 * where there is one, and the read bandwidth. On an accelerator: the rate of even batches, and the higher one of the
 * read and the copy bandwidth. */
bench_bound bench_bound_of(const bench_peaks *peaks, bool on_processor, varlen_dtype dtype, double flops, double bytes);

bench_bound bench_result_bound(const bench_results *results, const bench_result *result);

#endif
