/* What `varlen bench` prints: see bench/report.h. */
#include "bench/report.h"

#include <inttypes.h>
#include <stdio.h>

#include "bench/arguments.h"
#include "text_table.h"

static void add_row(text_table *table, const char *const *cells)
{
    for (int i = 0; i < table->columns; i++)
        text_table_add(table, "%s", cells[i]);
}

void bench_print_workloads(void)
{
    static const char *const heading[] = {"workload", "runs on", "sequences", "queries", "keys", "layout"};
    text_table table = {.columns = 6};
    add_row(&table, heading);
    for (int i = 0; i < bench_workload_count(); i++) {
        const bench_workload *workload = bench_workload_at(i);
        text_table_add(&table, "%s", workload->name);
        text_table_add(&table, "%s", workload->for_host ? "processors" : "accelerators");
        text_table_add(&table, "%d", (int)workload->batch);
        text_table_add(&table, "%" PRId64, bench_total_queries(workload));
        text_table_add(&table, "%" PRId64, bench_total_keys(workload));
        text_table_add(&table,
                       workload->page_size     ? "pages of %d"
                       : workload->shared_keys ? "shared"
                                               : "packed",
                       (int)workload->page_size);
    }
    text_table_print(&table, stdout);
}

static void add_rate(text_table *table, int width, double rate)
{
    if (rate > 0)
        text_table_add(table, "%*.1f", width, rate);
    else
        text_table_add(table, "%*s", width, "-");
}

/* Threads are a processor's. */
static void print_peaks(const bench_results *results)
{
    static const char *const on_host[] = {"peak", "with", "one thread", "all threads", ""};
    static const char *const on_accelerator[] = {"peak", "with", "     rate", ""};
    const bool host = results->threads > 0;
    text_table table = {.columns = host ? 5 : 4};
    for (int i = 0; i < BENCH_PEAK_COUNT; i++) {
        const bench_peak *peak = &results->peaks.values[i];
        if (!bench_peak_known(&results->peaks, (bench_peak_kind)i))
            continue;
        if (table.cell_count == 0)
            add_row(&table, host ? on_host : on_accelerator);
        text_table_add(&table, "%s", bench_peak_name((bench_peak_kind)i));
        text_table_add(&table, "%s", peak->with);
        if (host)
            add_rate(&table, 10, peak->one_thread);
        add_rate(&table, host ? 11 : 9, peak->all_threads);
        text_table_add(&table, "%s", bench_peak_unit((bench_peak_kind)i));
    }
    if (table.cell_count)
        printf("\n");
    text_table_print(&table, stdout);
}

void bench_print_device(const bench_results *results)
{
    const varlen_device_info *device = &results->device;
    printf("varlen %s on %s:%d (%s, %s)", varlen_version(), device->backend, (int)device->device, device->name,
           device->architecture);
    printf(results->threads ? ", %d threads\n" : "\n", (int)results->threads);
    print_peaks(results);
    printf("\n");
    fflush(stdout);
}

static void add_floor(text_table *table, const bench_result *result, const bench_bound *bound)
{
    if (bound->is_floor) {
        text_table_add(table, "%8.4f", bound->milliseconds);
        text_table_add(table, "%12.2f", result->time.median / bound->milliseconds);
    } else {
        text_table_add(table, "%8s", "-");
        text_table_add(table, "%12s", "-");
    }
}

static void add_share(text_table *table, const bench_results *results, const bench_result *result,
                      const bench_bound *bound)
{
    char other[48] = "";
    if (bound->milliseconds <= 0) {
        text_table_add(table, "-");
        return;
    }
    /* Kernels without the dot product compute bfloat16 by float32 FMA, and are to be judged by that. */
    if (bound->by == BENCH_PEAK_BFLOAT16)
        snprintf(other, sizeof other, " (%.0f %% of float32 FMA)",
                 100.0 * bench_gflops(result) / results->peaks.values[BENCH_PEAK_FLOAT32].all_threads);
    text_table_add(table, "%.0f %% of %s%s", 100.0 * bound->milliseconds / result->time.median,
                   bench_peak_name(bound->by), other);
}

static void add_result(text_table *table, const bench_results *results, const bench_result *result)
{
    text_table_add(table, "%s", result->workload->name);
    text_table_add(table, "%s", dtype_word(result->dtype));
    text_table_add(table, "%s", pass_word(result->pass));
    text_table_add(table, "%9.4f", result->time.median);
    text_table_add(table, "%4.1f %%", bench_spread_percent(result));
    if (results->threads == 0)
        text_table_add(table, "%7.1f", result->time.host);
    text_table_add(table, "%8.1f", bench_gflops(result));
    text_table_add(table, "%7.2f", bench_gigabytes(result));
    const bench_bound bound = bench_result_bound(results, result);
    add_floor(table, result, &bound);
    add_share(table, results, result, &bound);
}

void bench_print_results(const bench_results *results)
{
    static const char *const on_host[] = {"workload", "dtype", "pass",     "median ms",    "spread",
                                          "GFLOP/s",  "GB/s",  "floor ms", "time / floor", "share"};
    static const char *const on_accelerator[] = {"workload", "dtype", "pass",     "median ms",    "spread", "host us",
                                                 "GFLOP/s",  "GB/s",  "floor ms", "time / floor", "share"};
    _Static_assert(sizeof on_accelerator / sizeof *on_accelerator <= TEXT_TABLE_MAX_COLUMNS, "no table is wider");
    const bool host = results->threads > 0;
    text_table table = {.columns = (int)((host ? sizeof on_host : sizeof on_accelerator) / sizeof *on_host)};
    for (int i = 0; i < results->count; i++) {
        if (results->items[i].time.repetitions == 0)
            continue;
        if (table.cell_count == 0)
            add_row(&table, host ? on_host : on_accelerator);
        add_result(&table, results, &results->items[i]);
    }
    text_table_print(&table, stdout);
    for (int i = 0; i < results->count; i++) {
        const bench_result *result = &results->items[i];
        if (result->time.repetitions == 0)
            printf("  not supported: %s, %s, %s: %s\n", result->workload->name, dtype_word(result->dtype),
                   pass_word(result->pass), result->skipped);
    }
}
