/* Ratios of `varlen bench` to an earlier measurement. */
#ifndef VARLEN_TOOLS_BENCH_COMPARE_H
#define VARLEN_TOOLS_BENCH_COMPARE_H

#include <stdbool.h>

#include "bench/result.h"

/* Reads a file that --json wrote; the caller frees *text. */
bool bench_read_earlier(const char *path, char **text, reason *why);

/* Pairs measurements by workload, dtype and pass. `path` is named in the heading. */
void bench_print_ratios(const bench_results *results, const char *earlier, const char *path);

#endif
