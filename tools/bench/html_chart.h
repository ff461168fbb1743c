/* The chart of a report: the time of each workload over its floor, as SVG inside an HTML page. */
#ifndef VARLEN_TOOLS_BENCH_HTML_CHART_H
#define VARLEN_TOOLS_BENCH_HTML_CHART_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/result.h"

/* Whether there are bars over floors, or over times that are none. */
bool html_chart_has(const bench_results *results, bool floors);

/* Colours are the page's, by class: dtype names, "floor", "grid", "muted". For results that have bars. */
void html_chart_write(FILE *page, const bench_results *results);

/* Text as HTML and SVG take it. */
void html_write_text(FILE *page, const char *text);

/* "0.0412", "31.25", "1363.3": with as many decimals as a person wants. Returns `text`. */
const char *html_milliseconds(double value, char text[32]);

#endif
