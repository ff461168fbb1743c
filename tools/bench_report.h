/* What `varlen bench` prints and writes. */
#ifndef VARLEN_TOOLS_BENCH_REPORT_H
#define VARLEN_TOOLS_BENCH_REPORT_H

#include <stdbool.h>

#include "bench_result.h"

void bench_print_workloads(void);
void bench_print_device(const bench_results *results);
void bench_print_results(const bench_results *results);

/* Writes everything to a file as JSON. Figures that are not known are null. */
bool bench_write_json(const char *path, const bench_results *results, reason *why);

/* Whether that can work: to be asked before long measurements. Changes nothing. */
bool bench_json_writable(const char *path, reason *why);

#endif
