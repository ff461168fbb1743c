/* What `varlen bench` prints and writes. */
#ifndef VARLEN_TOOLS_BENCH_REPORT_H
#define VARLEN_TOOLS_BENCH_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/result.h"

void bench_print_workloads(void);
void bench_print_device(const bench_results *results);
void bench_print_results(const bench_results *results);

/* Writes everything as JSON. Figures that are not known are null. */
void bench_print_json(FILE *stream, const bench_results *results);

/* The same to a file, which is replaced whole. */
bool bench_write_json(const char *path, const bench_results *results, reason *why);

/* Writes a report with a chart as one HTML page, likewise. `words` are the command line after "varlen bench". */
bool bench_write_html(const char *path, const bench_results *results, int count, char *const *words, reason *why);

#endif
