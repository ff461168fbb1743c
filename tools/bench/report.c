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
        text_table_add(&table, workload->page_size ? "pages of %d" : "packed", (int)workload->page_size);
    }
    text_table_print(&table, stdout);
}

void bench_print_device(const bench_results *results)
{
    static const char *const heading[] = {"peak, measured", "with", "one thread", "all threads", ""};
    const varlen_device_info *device = &results->device;
    printf("varlen %s on %s:%d (%s, %s)", varlen_version(), device->backend, (int)device->device, device->name,
           device->architecture);
    printf(results->threads ? ", %d threads\n" : "\n", (int)results->threads);
    text_table table = {.columns = 5};
    for (int i = 0; i < BENCH_PEAK_COUNT; i++) {
        const bench_peak *peak = &results->peaks.values[i];
        if (!peak->instructions)
            continue;
        if (table.cell_count == 0)
            add_row(&table, heading);
        text_table_add(&table, "%s", bench_peak_name((bench_peak_kind)i));
        text_table_add(&table, "%s", peak->instructions);
        text_table_add(&table, "%10.1f", peak->one_thread);
        text_table_add(&table, "%11.1f", peak->all_threads);
        text_table_add(&table, "%s", bench_peak_unit((bench_peak_kind)i));
    }
    if (table.cell_count)
        printf("\n");
    text_table_print(&table, stdout);
    printf("\n");
    fflush(stdout);
}

static void add_share(text_table *table, const bench_results *results, const bench_result *result)
{
    const bench_share share = bench_result_share(results, result);
    if (share.share <= 0) {
        text_table_add(table, "-");
        return;
    }
    char other[48] = "";
    /* Kernels without the dot product compute bfloat16 by float32 FMA, and are to be judged by that. */
    if (share.peak == BENCH_PEAK_BFLOAT16)
        snprintf(other, sizeof other, " (%.0f %% of float32 FMA)",
                 100.0 * bench_gflops(result) / results->peaks.values[BENCH_PEAK_FLOAT32].all_threads);
    text_table_add(table, "%.0f %% of %s%s", 100.0 * share.share, bench_peak_name(share.peak), other);
}

static void add_result(text_table *table, const bench_results *results, const bench_result *result)
{
    text_table_add(table, "%s", result->workload->name);
    text_table_add(table, "%s", bench_dtype_name(result->dtype));
    text_table_add(table, "%s", bench_pass_name(result->pass));
    text_table_add(table, "%9.3f", result->time.median);
    text_table_add(table, "%4.1f %%", bench_spread_percent(result));
    if (results->threads == 0)
        text_table_add(table, "%7.1f", result->time.host);
    text_table_add(table, "%8.1f", bench_gflops(result));
    text_table_add(table, "%7.2f", bench_gigabytes(result));
    add_share(table, results, result);
}

void bench_print_results(const bench_results *results)
{
    static const char *const on_host[] = {"workload", "dtype",   "pass", "median ms",
                                          "spread",   "GFLOP/s", "GB/s", "share of the peak"};
    static const char *const on_accelerator[] = {"workload", "dtype",   "pass", "median ms",        "spread",
                                                 "host us",  "GFLOP/s", "GB/s", "share of the peak"};
    const bool host = results->threads > 0;
    text_table table = {.columns = host ? 8 : 9};
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
            printf("  not supported: %s, %s, %s: %s\n", result->workload->name, bench_dtype_name(result->dtype),
                   bench_pass_name(result->pass), result->skipped);
    }
}
