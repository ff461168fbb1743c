/* A report of measurements as one HTML page, which needs nothing beside it: see bench/report.h. */
#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>

#include "bench/html_chart.h"
#include "bench/report.h"
#include "npy/output_file.h"
#include "problem_options.h"

/* clang-format off */
static const char style[] =
    ":root{color-scheme:light dark;--page:#fff;--panel:#f6f7f9;--text:#1b1f24;--muted:#656d76;--line:#dfe3e8;"
    "--f32:#b35900;--f16:#8250df;--bf16:#0a6ebd;--floor:#1a7f37}\n"
    "@media(prefers-color-scheme:dark){:root{--page:#12161c;--panel:#1a2029;--text:#e4e9ef;--muted:#93a0ad;"
    "--line:#2d3642;--f32:#f0a04b;--f16:#b79cf5;--bf16:#58aef0;--floor:#4cc26d}}\n"
    "*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--text);"
    "font:15px/1.5 system-ui,-apple-system,'Segoe UI','Helvetica Neue',Helvetica,Arial,sans-serif}\n"
    "main{max-width:1160px;margin:0 auto;padding:36px 40px 56px}\n"
    "h1{font-size:26px;line-height:1.25;margin:0 0 4px}h2{font-size:18px;margin:40px 0 12px}\n"
    "p{margin:0 0 10px;max-width:86ch}.muted{color:var(--muted)}\n"
    "dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(240px,1fr));gap:14px 28px;margin:22px 0 0;"
    "padding:18px 22px;background:var(--panel);border:1px solid var(--line);border-radius:10px}\n"
    "dt{font-size:12.5px;color:var(--muted)}dd{margin:0;font-weight:500;overflow-wrap:anywhere}\n"
    "code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}\n"
    "pre{margin:14px 0 0;white-space:pre-wrap;overflow-wrap:anywhere;color:var(--muted)}\n"
    "svg{display:block;width:100%;height:auto;font:13px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}\n"
    "svg text{fill:var(--text);font-variant-numeric:tabular-nums}svg .muted{fill:var(--muted)}"
    "svg .pass{font-weight:600;font-size:15px}svg .figure{font-weight:600}\n"
    "svg .grid{stroke:var(--line)}svg line.floor{stroke:var(--floor);stroke-width:1.5}"
    "svg text.floor{fill:var(--floor);font-weight:600}\n"
    "svg .spread{stroke:var(--text);stroke-width:1.25;opacity:.75}svg .above{opacity:.38}\n"
    ".f32{--c:var(--f32)}.f16{--c:var(--f16)}.bf16{--c:var(--bf16)}svg rect{fill:var(--c)}"
    "svg rect.outline{fill:none;stroke:var(--c);stroke-width:1.5;stroke-dasharray:4 3}\n"
    ".key{display:inline-block;width:12px;height:12px;border-radius:3px;background:var(--c);margin:0 6px 0 18px}"
    ".key:first-child{margin-left:0}\n"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:13px;"
    "font-variant-numeric:tabular-nums}\n"
    "th,td{padding:6px 8px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}"
    "th{font-weight:600;color:var(--muted);border-bottom-width:2px}\n"
    "ul{margin:12px 0 0;padding:0;list-style:none;font-size:13px}.words{text-align:left}tbody tr:hover{background:var(--panel)}footer{margin-top:36px;font-size:13.5px}\n";
/* clang-format on */

static void write_fact(FILE *page, const char *name, const char *value)
{
    fprintf(page, "<div><dt>%s</dt><dd>", name);
    html_write_text(page, value);
    fputs("</dd></div>\n", page);
}

static void write_machine(FILE *page, const bench_results *results)
{
    const varlen_device_info *device = &results->device;
    char text[512], date[64];
    struct utsname system = {0};
    const time_t now = time(NULL);
    struct tm utc;
    uname(&system);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", gmtime_r(&now, &utc));
    fputs("<dl>\n", page);
    write_fact(page, "Device", device->name);
    snprintf(text, sizeof text, "%s:%d, %s", device->backend, (int)device->device, device->architecture);
    write_fact(page, "Backend and kernels", text);
    if (results->threads)
        snprintf(text, sizeof text, "%d of %d processors", (int)results->threads, (int)device->compute_units);
    else
        snprintf(text, sizeof text, "%d", (int)device->compute_units);
    write_fact(page, results->threads ? "Threads" : "Multiprocessors", text);
    snprintf(text, sizeof text, device->memory_bytes ? "%.1f GiB" : "unknown",
             (double)device->memory_bytes / (1 << 30));
    write_fact(page, "Memory", text);
    snprintf(text, sizeof text, "%s %s, %s", system.sysname, system.release, system.machine);
    write_fact(page, "System", text);
    snprintf(text, sizeof text, "varlen %s, %s", varlen_version(), date);
    write_fact(page, "Measured by", text);
    fputs("</dl>\n", page);
}

static void write_keys(FILE *page, const bench_results *results)
{
    unsigned used = 0;
    for (int i = 0; i < results->count; i++)
        used |= 1u << results->items[i].dtype;
    fputs("<p>", page);
    for (varlen_dtype dtype = VARLEN_FLOAT32; dtype <= VARLEN_BFLOAT16; dtype++)
        if (used & 1u << dtype)
            fprintf(page, "<span class=\"key %s\"></span>%s\n", dtype_word(dtype), dtype_word(dtype));
    fputs("</p>\n", page);
}

static void write_chart(FILE *page, const bench_results *results)
{
    const bool has_floors = html_chart_has(results, true), has_others = html_chart_has(results, false);
    fputs("<h2>Time over the floor</h2>\n<p class=\"muted\">", page);
    if (has_floors || has_others)
        fputs(
            "The floor of a workload is the larger of its operations at the arithmetic peak and its bytes at the "
            "bandwidth: a bar that ends at 1× could not be shorter. The full part is the floor, the pale part what is "
            "above it; the thin line goes from the 10th to the 90th percentile of the times.",
            page);
    else
        fputs("No peaks were measured or given, so there are no floors to draw.", page);
    if (has_others)
        fputs(" Dashed bars are over the time at the rate of even batches, which is no floor: the device's arithmetic "
              "peak "
              "was not given (--peak).",
              page);
    fputs("</p>\n", page);
    if (has_floors || has_others) {
        write_keys(page, results);
        html_chart_write(page, results);
    }
}

static void write_rate(FILE *page, double rate)
{
    fprintf(page, rate > 0 ? "<td>%.1f</td>" : "<td>–</td>", rate);
}

/* Threads are a processor's. */
static void write_peaks(FILE *page, const bench_results *results)
{
    const bool host = results->threads > 0;
    int written = 0;
    for (int i = 0; i < BENCH_PEAK_COUNT; i++) {
        const bench_peak *peak = &results->peaks.values[i];
        if (!bench_peak_known(&results->peaks, (bench_peak_kind)i))
            continue;
        if (written++ == 0)
            fprintf(page,
                    "<h2>Peaks</h2>\n<div class=\"scroll\"><table><thead><tr><th class=\"words\">Peak</th>"
                    "<th class=\"words\">Measured with</th>%s</tr></thead><tbody>\n",
                    host ? "<th>One thread</th><th>All threads</th><th class=\"words\"></th>"
                         : "<th>Rate</th><th class=\"words\"></th>");
        fprintf(page, "<tr><td class=\"words\">%s</td><td class=\"words\">", bench_peak_name((bench_peak_kind)i));
        html_write_text(page, peak->with);
        fputs("</td>", page);
        if (host)
            write_rate(page, peak->one_thread);
        write_rate(page, peak->all_threads);
        fprintf(page, "<td class=\"words\">%s</td></tr>\n", bench_peak_unit((bench_peak_kind)i));
    }
    if (written)
        fputs("</tbody></table></div>\n", page);
}

static void write_result(FILE *page, const bench_results *results, const bench_result *result)
{
    const bench_bound bound = bench_result_bound(results, result);
    fputs("<tr><td class=\"words\">", page);
    html_write_text(page, result->workload->name);
    fprintf(page, "</td><td class=\"words\">%s</td><td class=\"words\">%s</td>", dtype_word(result->dtype),
            pass_word(result->pass));
    char median[32], floor[32];
    fprintf(page, "<td>%s</td><td>%.1f %%</td>", html_milliseconds(result->time.median, median),
            bench_spread_percent(result));
    if (results->threads == 0)
        fprintf(page, "<td>%.1f</td>", result->time.host);
    fprintf(page, "<td>%.1f</td><td>%.2f</td>", bench_gflops(result), bench_gigabytes(result));
    if (bound.is_floor)
        fprintf(page, "<td>%s</td><td>%.2f</td>", html_milliseconds(bound.milliseconds, floor),
                result->time.median / bound.milliseconds);
    else
        fputs("<td>–</td><td>–</td>", page);
    if (bound.milliseconds > 0)
        fprintf(page, "<td class=\"words\">%.0f %% of %s</td></tr>\n", 100.0 * bound.milliseconds / result->time.median,
                bench_peak_name(bound.by));
    else
        fputs("<td class=\"words\">–</td></tr>\n", page);
}

static void write_table(FILE *page, const bench_results *results)
{
    fprintf(page,
            "<h2>Figures</h2>\n<div class=\"scroll\"><table><thead><tr><th class=\"words\">Workload</th>"
            "<th class=\"words\">Dtype</th><th class=\"words\">Pass</th><th>Median ms</th><th>Spread</th>%s"
            "<th>GFLOP/s</th><th>GB/s</th><th>Floor ms</th><th>Time / floor</th><th class=\"words\">Share</th></tr>"
            "</thead><tbody>\n",
            results->threads ? "" : "<th>Host µs</th>");
    for (int i = 0; i < results->count; i++)
        if (results->items[i].time.repetitions)
            write_result(page, results, &results->items[i]);
    fputs("</tbody></table></div>\n", page);
    fputs("<ul class=\"muted\">\n", page);
    for (int i = 0; i < results->count; i++) {
        const bench_result *result = &results->items[i];
        if (result->time.repetitions)
            continue;
        fputs("<li>Not supported: ", page);
        html_write_text(page, result->workload->name);
        fprintf(page, ", %s, %s: ", dtype_word(result->dtype), pass_word(result->pass));
        html_write_text(page, result->skipped);
        fputs("</li>\n", page);
    }
    fputs("</ul>\n", page);
}

static void write_command(FILE *page, int count, char *const *words)
{
    fputs("<pre><code>varlen bench", page);
    for (int i = 0; i < count; i++) {
        fputc(' ', page);
        html_write_text(page, words[i]);
    }
    fputs("</code></pre>\n", page);
}

static void write_page(FILE *page, const bench_results *results, int count, char *const *words)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>varlen bench: ",
          page);
    html_write_text(page, results->device.name);
    fprintf(page, "</title>\n<style>\n%s</style></head>\n<body><main>\n<h1>Packed attention on ", style);
    html_write_text(page, results->device.name);
    fputs("</h1>\n<p class=\"muted\">What varlen bench measured: the time of each workload, and what the machine would "
          "allow.</p>\n",
          page);
    write_machine(page, results);
    write_chart(page, results);
    write_table(page, results);
    write_peaks(page, results);
    fputs("<footer class=\"muted\"><p>Times are medians after a warm-up; the spread is (p90 − p10) / median. GFLOP/s "
          "count "
          "visible pairs only, and a backward pass as 2.5 forward passes; GB/s count every operand once.</p>\n",
          page);
    write_command(page, count, words);
    fputs("</footer>\n</main></body></html>\n", page);
}

bool bench_write_html(const char *path, const bench_results *results, int count, char *const *words, reason *why)
{
    output_file file;
    bool ok = output_file_open(&file, path, why);
    if (ok) {
        write_page(file.stream, results, count, words);
        ok = output_file_finish(&file, why) && output_files_commit(&file, 1, why);
    }
    output_file_discard(&file);
    return ok;
}
