/* Draws the measurements of `varlen bench` with tools/plot_bench.py, which needs python3 and matplotlib. */
#ifndef VARLEN_TOOLS_BENCH_PLOT_H
#define VARLEN_TOOLS_BENCH_PLOT_H

#include <stdbool.h>

#include "reason.h"

/* Whether bench_plot can work: to be asked before long measurements. */
bool bench_plot_possible(reason *why);

/* Draws a file of --json. The format is that of the picture's name: .svg, .png, .pdf. */
bool bench_plot(const char *json, const char *picture, reason *why);

#endif
