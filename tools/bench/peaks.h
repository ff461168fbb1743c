/* What the figures of `varlen bench` are judged by: rates that the machine reaches, measured or given. */
#ifndef VARLEN_TOOLS_BENCH_PEAKS_H
#define VARLEN_TOOLS_BENCH_PEAKS_H

#include <stdbool.h>
#include <varlen/varlen.h>

/* In GFLOP/s or, of memory, GB/s. The rates of even batches are no peaks, but stand in for one that is not known. */
typedef enum bench_peak_kind {
    BENCH_PEAK_FLOAT32,      /* float32 multiply-add */
    BENCH_PEAK_BFLOAT16,     /* bfloat16 dot product into float32 */
    BENCH_PEAK_READ,         /* reading what is larger than the caches; on an accelerator, merging many parts */
    BENCH_PEAK_COPY,         /* copying between two such buffers, bytes read and written */
    BENCH_PEAK_EVEN_FLOAT32, /* forward attention on even, full batches, in each dtype */
    BENCH_PEAK_EVEN_FLOAT16,
    BENCH_PEAK_EVEN_BFLOAT16,
    BENCH_PEAK_GIVEN_ARITHMETIC, /* --peak, for all dtypes */
    BENCH_PEAK_GIVEN_BANDWIDTH,  /* --bandwidth */
    BENCH_PEAK_COUNT
} bench_peak_kind;

typedef struct bench_peak {
    char with[48];      /* what it was measured with; "" = not known */
    double one_thread;  /* 0 = not measured: of accelerators, and of what was given */
    double all_threads; /* of the whole device */
} bench_peak;

typedef struct bench_peaks {
    bench_peak values[BENCH_PEAK_COUNT];
} bench_peaks;

/* "float32 FMA", "read bandwidth", "even attention", "given peak" */
const char *bench_peak_name(bench_peak_kind kind);
const char *bench_peak_unit(bench_peak_kind kind);

bool bench_peak_known(const bench_peaks *peaks, bench_peak_kind kind);

/* The rate of even batches of this dtype. */
bench_peak_kind bench_peak_even(varlen_dtype dtype);
bool bench_peak_is_even(bench_peak_kind kind);

#endif
