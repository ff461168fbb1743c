/* This machine's own peaks, measured: what the shares of `varlen bench` are shares of. */
#ifndef VARLEN_TOOLS_BENCH_PROBE_H
#define VARLEN_TOOLS_BENCH_PROBE_H

#include <stdbool.h>

#include "reason.h"

typedef enum bench_peak_kind {
    BENCH_PEAK_FLOAT32,  /* float32 multiply-add, GFLOP/s */
    BENCH_PEAK_BFLOAT16, /* bfloat16 dot product into float32, GFLOP/s */
    BENCH_PEAK_READ,     /* reading a buffer larger than the caches, GB/s */
    BENCH_PEAK_COPY,     /* copying between two of them, bytes read and written, GB/s */
    BENCH_PEAK_COUNT
} bench_peak_kind;

typedef struct bench_peak {
    const char *instructions; /* what was measured with; NULL = not measured, or the processor has none */
    double one_thread;
    double all_threads;
} bench_peak;

typedef struct bench_peaks {
    bench_peak values[BENCH_PEAK_COUNT];
} bench_peaks;

/* "float32 FMA", "bf16 dot product", "read bandwidth", "copy bandwidth" */
const char *bench_peak_name(bench_peak_kind kind);
const char *bench_peak_unit(bench_peak_kind kind);

/* Takes a few seconds. `threads` >= 1 is the number that the measured calls use. */
bool bench_probe(int threads, bench_peaks *peaks, reason *why);

#endif
