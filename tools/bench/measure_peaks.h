/* The rates that figures on a device are judged by: given on the command line, or measured. */
#ifndef VARLEN_TOOLS_BENCH_MEASURE_PEAKS_H
#define VARLEN_TOOLS_BENCH_MEASURE_PEAKS_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/peaks.h"
#include "reason.h"

typedef struct bench_peaks_wanted {
    float peak;      /* TFLOP/s; 0 = not given */
    float bandwidth; /* GB/s; 0 = not given */
    bool measured;   /* what is not given */
    uint32_t dtypes; /* 1u << varlen_dtype */
    int32_t threads; /* that calls on a processor use; 0 = an accelerator */
    uint64_t memory; /* of the device, in bytes; 0 = not known */
} bench_peaks_wanted;

/* Takes some seconds where it measures, and shows how far it is. */
bool bench_measure_peaks(varlen_context *context, const bench_peaks_wanted *wanted, bench_peaks *peaks, reason *why);

#endif
