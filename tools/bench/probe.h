/* The processor's own peaks, measured: see bench/peaks.h. */
#ifndef VARLEN_TOOLS_BENCH_PROBE_H
#define VARLEN_TOOLS_BENCH_PROBE_H

#include <stdbool.h>

#include "bench/peaks.h"
#include "reason.h"

/* Fills in FMA, dot product, read and copy. Takes a few seconds. `threads` >= 1 is the number that the measured calls
 * use. */
bool bench_probe(int threads, bench_peaks *peaks, reason *why);

#endif
