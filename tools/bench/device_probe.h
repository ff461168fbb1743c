/* What an accelerator reaches, measured through the library alone: see bench/peaks.h. */
#ifndef VARLEN_TOOLS_BENCH_DEVICE_PROBE_H
#define VARLEN_TOOLS_BENCH_DEVICE_PROBE_H

#include <stdint.h>

#include "bench/peaks.h"
#include "reason.h"

/* Fills in the read and copy bandwidth. Reading is left out where the backend cannot merge. Of the device's `memory`
 * bytes, 0 = not known, it takes a thirty-second at most, and 2 GiB, while it measures; but not less than 128 MiB. */
bool bench_probe_memory(varlen_context *context, uint64_t memory, bench_peaks *peaks, reason *why);

/* Fills in the highest rate of even, full batches of growing length for each of `dtypes`, bits 1u << varlen_dtype, that
 * the device takes. */
bool bench_probe_even(varlen_context *context, uint32_t dtypes, bench_peaks *peaks, reason *why);

#endif
