/* The chart of a report: see bench/html_chart.h. */
#include "bench/html_chart.h"

#include <math.h>

#include "problem_options.h"

/* In pixels of the picture: bars lie between LEFT and RIGHT, figures beside them. */
enum { WIDTH = 1080, LEFT = 372, RIGHT = 888, ROW = 28, BAR = 14, HEADING = 40, AXIS = 34 };

typedef struct html_chart {
    FILE *page;
    const bench_results *results;
    double last; /* ratio at RIGHT */
    double y;    /* where the next row begins */
} html_chart;

void html_write_text(FILE *page, const char *text)
{
    for (const char *at = text; *at; at++)
        switch (*at) {
        case '&': fputs("&amp;", page); break;
        case '<': fputs("&lt;", page); break;
        case '>': fputs("&gt;", page); break;
        case '"': fputs("&quot;", page); break;
        default: fputc(*at, page);
        }
}

const char *html_milliseconds(double value, char text[32])
{
    const int decimals = value >= 100 ? 1 : value >= 10 ? 2 : value >= 1 ? 3 : 4;
    snprintf(text, 32, "%.*f", decimals, value);
    return text;
}

/* Time over what bounds it; 0 where that is not known, or nothing was measured. */
static double ratio_of(const html_chart *chart, const bench_result *result)
{
    const bench_bound bound = bench_result_bound(chart->results, result);
    return result->time.repetitions && bound.milliseconds > 0 ? result->time.median / bound.milliseconds : 0;
}

bool html_chart_has(const bench_results *results, bool floors)
{
    const html_chart chart = {.results = results};
    for (int i = 0; i < results->count; i++)
        if (ratio_of(&chart, &results->items[i]) > 0 &&
            bench_result_bound(results, &results->items[i]).is_floor == floors)
            return true;
    return false;
}

/* From the left. The axis begins at 0, so that lengths are in proportion. */
static double place(const html_chart *chart, double ratio)
{
    return LEFT + ratio * (RIGHT - LEFT) / chart->last;
}

/* 1, 2, 5, 10, ...: at most nine steps. */
static double step_of(double last)
{
    double step = 1;
    for (int i = 0; last / step > 9; i++)
        step *= i % 3 == 1 ? 2.5 : 2;
    return step;
}

static void draw_axis(const html_chart *chart, double bottom)
{
    const double step = step_of(chart->last);
    for (int i = 0; i * step <= chart->last; i++) {
        const double x = place(chart, i * step);
        fprintf(chart->page, "<line class=\"grid\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%.1f\"/>\n", x, HEADING - 8,
                x, bottom);
        fprintf(chart->page, "<text class=\"muted\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%g×</text>\n", x,
                bottom + 20, i * step);
    }
    const double x = place(chart, 1);
    fprintf(chart->page, "<line class=\"floor\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%.1f\"/>\n", x, HEADING - 14, x,
            bottom);
    fprintf(chart->page, "<text class=\"floor\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", x,
            HEADING - 20, html_chart_has(chart->results, true) ? "floor" : "even attention");
}

static void draw_bar(const html_chart *chart, const char *class, double from, double to)
{
    const double start = place(chart, from);
    fprintf(chart->page, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\"/>\n", class, start,
            chart->y + (ROW - BAR) / 2.0, place(chart, to) - start, BAR);
}

/* From p10 to p90. */
static void draw_spread(const html_chart *chart, const bench_result *result, double ratio)
{
    const double y = chart->y + ROW / 2.0;
    const double low = place(chart, ratio * result->time.p10 / result->time.median);
    const double high = place(chart, fmin(ratio * result->time.p90 / result->time.median, chart->last));
    fprintf(chart->page, "<line class=\"spread\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", low, y, high, y);
}

/* The floor's part of a bar is full, what is above it pale. Where the bound is no floor the bar is an outline. */
static void draw_bars(const html_chart *chart, const bench_result *result, bool is_floor, double ratio)
{
    const char *dtype = dtype_word(result->dtype);
    char class[32];
    snprintf(class, sizeof class, "%s %s", dtype, is_floor ? "above" : "outline");
    if (is_floor)
        draw_bar(chart, dtype, 0, fmin(ratio, 1));
    if (!is_floor || ratio > 1)
        draw_bar(chart, class, is_floor ? 1 : 0, ratio);
    draw_spread(chart, result, ratio);
}

static void draw_row(html_chart *chart, const bench_result *result, bool names_dtype)
{
    const double ratio = ratio_of(chart, result);
    const bool is_floor = bench_result_bound(chart->results, result).is_floor;
    const double baseline = chart->y + ROW / 2.0 + 4.5;
    char time[32];
    html_milliseconds(result->time.median, time);
    fputs("<g><title>", chart->page);
    html_write_text(chart->page, result->workload->name);
    fprintf(chart->page, ", %s %s: %s ms, %.2f × %s</title>\n", dtype_word(result->dtype), pass_word(result->pass),
            time, ratio, is_floor ? "floor" : "even attention");
    fprintf(chart->page, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">", LEFT - 14, baseline);
    html_write_text(chart->page, result->workload->name);
    if (names_dtype)
        fprintf(chart->page, " <tspan class=\"muted\">%s</tspan>", dtype_word(result->dtype));
    fputs("</text>\n", chart->page);
    draw_bars(chart, result, is_floor, ratio);
    fprintf(chart->page, "<text class=\"figure\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.2f×</text>\n", RIGHT + 66,
            baseline, ratio);
    fprintf(chart->page, "<text class=\"muted\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s ms</text></g>\n", WIDTH,
            baseline, time);
    chart->y += ROW;
}

static int count_rows(const html_chart *chart, varlen_pass pass)
{
    int count = 0;
    for (int i = 0; i < chart->results->count; i++)
        count += chart->results->items[i].pass == pass && ratio_of(chart, &chart->results->items[i]) > 0;
    return count;
}

static bool has_one_dtype(const bench_results *results)
{
    for (int i = 1; i < results->count; i++)
        if (results->items[i].dtype != results->items[0].dtype)
            return false;
    return true;
}

static void draw_pass(html_chart *chart, varlen_pass pass)
{
    if (count_rows(chart, pass) == 0)
        return;
    fprintf(chart->page, "<text class=\"pass\" x=\"0\" y=\"%.1f\">%s</text>\n", chart->y + HEADING - 14,
            pass == VARLEN_PASS_BACKWARD ? "Backward" : "Forward");
    chart->y += HEADING;
    for (int i = 0; i < chart->results->count; i++)
        if (chart->results->items[i].pass == pass && ratio_of(chart, &chart->results->items[i]) > 0)
            draw_row(chart, &chart->results->items[i], !has_one_dtype(chart->results));
}

void html_chart_write(FILE *page, const bench_results *results)
{
    html_chart chart = {.page = page, .results = results, .last = 2, .y = 12};
    double bottom = chart.y;
    for (varlen_pass pass = VARLEN_PASS_FORWARD; pass <= VARLEN_PASS_BACKWARD; pass++) {
        const int rows = count_rows(&chart, pass);
        bottom += rows ? HEADING + rows * ROW : 0;
    }
    for (int i = 0; i < results->count; i++)
        chart.last = fmax(chart.last, ceil(1.02 * ratio_of(&chart, &results->items[i])));
    fprintf(page, "<svg role=\"img\" aria-label=\"Time over floor of each workload\" viewBox=\"0 0 %d %.0f\">\n", WIDTH,
            bottom + AXIS);
    draw_axis(&chart, bottom + 4);
    for (varlen_pass pass = VARLEN_PASS_FORWARD; pass <= VARLEN_PASS_BACKWARD; pass++)
        draw_pass(&chart, pass);
    fputs("</svg>\n", page);
}
