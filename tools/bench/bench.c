/* `varlen bench`: measures workloads on a backend. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <varlen/varlen.h>

#include "bench/arguments.h"
#include "bench/compare.h"
#include "bench/measure_peaks.h"
#include "bench/plot.h"
#include "bench/report.h"
#include "bench/run.h"
#include "commands.h"
#include "npy/output_file.h"
#include "progress.h"
#include "standard_streams.h"

/* The workload of --lens, or those that are picked by name. */
typedef struct bench_selection {
    bench_workload lens;
    char lens_name[BENCH_NAME_SIZE];
    const bench_workload **items; /* owned */
    int count;
} bench_selection;

static bool select_workloads(const bench_arguments *arguments, bool host, bench_selection *selection, reason *why)
{
    selection->count = 0;
    selection->items = calloc((size_t)bench_workload_count(), sizeof *selection->items);
    if (!selection->items)
        return refuse(why, "out of memory");
    if (arguments->lens.count) {
        selection->lens = bench_arguments_workload(arguments, selection->lens_name);
        selection->items[selection->count++] = &selection->lens;
        return true;
    }
    for (int i = 0; i < bench_workload_count(); i++) {
        const bench_workload *workload = bench_workload_at(i);
        if (arguments->words ? bench_workload_picked(workload, arguments->words) : workload->for_host == host)
            selection->items[selection->count++] = workload;
    }
    return true;
}

/* An item for each workload, dtype and pass that is asked for. */
static bool plan_results(const bench_arguments *arguments, const bench_selection *selection, bench_results *results,
                         reason *why)
{
    enum { MOST_PER_WORKLOAD = 6 };
    results->items = calloc((size_t)selection->count * MOST_PER_WORKLOAD, sizeof *results->items);
    if (!results->items)
        return refuse(why, "out of memory");
    for (int i = 0; i < selection->count; i++)
        for (varlen_dtype dtype = VARLEN_FLOAT32; dtype <= VARLEN_BFLOAT16; dtype++)
            for (varlen_pass pass = VARLEN_PASS_FORWARD; pass <= VARLEN_PASS_BACKWARD; pass++)
                if (arguments->dtypes & 1u << dtype && arguments->passes & 1 << pass)
                    results->items[results->count++] =
                        (bench_result){.workload = selection->items[i], .dtype = dtype, .pass = pass};
    return true;
}

/* Where the measuring stands, for the line on the terminal. */
typedef struct bench_position {
    const bench_result *result;
    int number;
    int count;
} bench_position;

static void show_position(void *user, int number, int count)
{
    const bench_position *position = user;
    char text[128];
    snprintf(text, sizeof text, "%.60s %s %s: %d of %d", position->result->workload->name,
             dtype_word(position->result->dtype), pass_word(position->result->pass), number, count);
    progress_show(position->number, position->count, text);
}

/* Marks what the backend does not support, and refuses what breaks a rule, before anything is measured. */
static bool check_support(varlen_context *context, bench_results *results, reason *why)
{
    for (int i = 0; i < results->count; i++) {
        bench_result *result = &results->items[i];
        if (result->workload->shared_keys && result->pass == VARLEN_PASS_BACKWARD) {
            snprintf(result->skipped, sizeof result->skipped, "sequences share keys: varlen_backward takes none");
            continue;
        }
        const varlen_attention attention = bench_attention(result->workload, result->dtype);
        const varlen_status status = varlen_supports(context, &attention, result->pass);
        if (status == VARLEN_ERROR_UNSUPPORTED)
            snprintf(result->skipped, sizeof result->skipped, "%s", varlen_error_message());
        else if (status != VARLEN_OK)
            return refuse(why, "%s: %s", result->workload->name, varlen_error_message());
    }
    return true;
}

static bool measure_one(varlen_context *context, const bench_plan *plan, bench_result *result, reason *why)
{
    bench_problem problem;
    reason rule;
    bool ok = bench_problem_open(context, result->workload, result->dtype, result->pass, &problem, &rule);
    if (ok) {
        ok = bench_run(&problem, plan, &result->time, &rule);
        bench_problem_close(&problem);
    }
    return ok || refuse(why, "%s: %.1500s", result->workload->name, rule.text);
}

static bool measure_all(varlen_context *context, const bench_arguments *arguments, bench_results *results, reason *why)
{
    bool ok = true;
    for (int i = 0; i < results->count && ok; i++) {
        if (*results->items[i].skipped)
            continue;
        bench_position position = {&results->items[i], i + 1, results->count};
        const bench_plan plan = {.repeats = arguments->repeats, .starts = show_position, .user = &position};
        show_position(&position, 0, arguments->repeats);
        ok = measure_one(context, &plan, &results->items[i], why);
    }
    progress_clear();
    return ok;
}

static bool describe_device(varlen_context *context, const bench_arguments *arguments, bench_results *results,
                            reason *why)
{
    results->device.struct_size = sizeof results->device;
    if (varlen_context_device(context, &results->device) != VARLEN_OK)
        return refuse(why, "%s", varlen_error_message());
    if (results->device.flags & VARLEN_DEVICE_HOST_MEMORY)
        results->threads = arguments->threads ? arguments->threads : results->device.compute_units;
    return true;
}

static bool measure_peaks(varlen_context *context, const bench_arguments *arguments, bench_results *results,
                          reason *why)
{
    const bench_peaks_wanted wanted = {
        .peak = arguments->peak,
        .bandwidth = arguments->bandwidth,
        .measured = !arguments->no_peaks,
        .dtypes = arguments->dtypes,
        .threads = results->threads,
        .memory = results->device.memory_bytes,
    };
    return bench_measure_peaks(context, &wanted, &results->peaks, why);
}

/* Draws from a file in memory, which the script inherits. */
static bool plot(const bench_arguments *arguments, const bench_results *results, reason *why)
{
    char path[32];
    const int file = memfd_create("varlen-bench", 0);
    FILE *stream = file < 0 ? NULL : fdopen(file, "w");
    bool ok = stream || refuse(why, "no file in memory: %s", strerror(errno));
    if (ok) {
        snprintf(path, sizeof path, "/dev/fd/%d", file);
        bench_print_json(stream, results);
        ok = fflush(stream) == 0 || refuse(why, "a file in memory: %s", strerror(errno));
    }
    progress_show(0, 0, "drawing");
    ok = ok && bench_plot(path, arguments->plot, why);
    progress_clear();
    if (stream)
        fclose(stream);
    else if (file >= 0)
        close(file);
    return ok;
}

static bool measure_and_report(varlen_context *context, const bench_arguments *arguments, const char *earlier,
                               bench_results *results, reason *why)
{
    if (!measure_peaks(context, arguments, results, why))
        return false;
    bench_print_device(results);
    if (!measure_all(context, arguments, results, why))
        return false;
    bench_print_results(results);
    if (earlier)
        bench_print_ratios(results, earlier, arguments->compare);
    /* Whatever fails, also the printing, leaves the files of --json and --report as they were. */
    if (!standard_output_check(why))
        return false;
    reason rule;
    if (arguments->json && !bench_write_json(arguments->json, results, &rule))
        return refuse(why, "--json %.1500s", rule.text);
    if (arguments->report &&
        !bench_write_html(arguments->report, results, arguments->word_count, arguments->command_line, &rule))
        return refuse(why, "--report %.1500s", rule.text);
    if (arguments->plot && !plot(arguments, results, &rule))
        return refuse(why, "--plot %s: %.1500s", arguments->plot, rule.text);
    return true;
}

static bool bench(varlen_context *context, const bench_arguments *arguments, const char *earlier, reason *why)
{
    bench_results results = {0};
    bench_selection selection = {0};
    const bool ok = describe_device(context, arguments, &results, why) &&
                    select_workloads(arguments, results.threads > 0, &selection, why) &&
                    plan_results(arguments, &selection, &results, why) && check_support(context, &results, why) &&
                    measure_and_report(context, arguments, earlier, &results, why);
    free(results.items);
    free(selection.items);
    return ok;
}

/* What can be refused before anything is measured. */
static bool prepare(const bench_arguments *arguments, char **earlier, reason *why)
{
    char word[BENCH_NAME_SIZE];
    reason rule;
    if (arguments->words && bench_workload_unknown_word(arguments->words, word, sizeof word))
        return refuse(why, "no workload matches --workload %s; varlen bench --list prints the names", word);
    if (arguments->plot && !bench_plot_possible(&rule))
        return refuse(why, "--plot %s: %.1500s", arguments->plot, rule.text);
    if (arguments->compare && !bench_read_earlier(arguments->compare, earlier, &rule))
        return refuse(why, "--compare %.1500s", rule.text);
    if (arguments->json && !output_file_possible(arguments->json, &rule))
        return refuse(why, "--json %.1500s", rule.text);
    if (arguments->json && arguments->report && output_paths_meet(arguments->json, arguments->report))
        return refuse(why, "two outputs go to the same file, --json %s and --report %s", arguments->json,
                      arguments->report);
    if (arguments->report && !output_file_possible(arguments->report, &rule))
        return refuse(why, "--report %.1500s", rule.text);
    return true;
}

static bool run(const bench_arguments *arguments, reason *why)
{
    const varlen_open_options options = {
        .struct_size = sizeof options, .backend = arguments->backend, .threads = arguments->threads};
    char *earlier = NULL;
    varlen_context *context;
    if (!prepare(arguments, &earlier, why))
        return false;
    progress_show(0, 0, "opening the backend");
    bool ok = varlen_open(&options, &context) == VARLEN_OK;
    progress_clear();
    ok = ok || refuse(why, "%s", varlen_error_message());
    if (ok) {
        ok = bench(context, arguments, earlier, why);
        varlen_close(context);
    }
    free(earlier);
    return ok;
}

int command_bench(int count, char **words)
{
    bench_arguments arguments;
    reason why;
    switch (bench_arguments_parse(count, words, &arguments, &why)) {
    case OPTIONS_HELP_PRINTED: return EXIT_DONE;
    case OPTIONS_REFUSED: return command_failed("bench", why.text, EXIT_USAGE);
    case OPTIONS_PARSED: break;
    }
    if (arguments.list) {
        bench_print_workloads();
        return EXIT_DONE;
    }
    return run(&arguments, &why) ? EXIT_DONE : command_failed("bench", why.text, EXIT_FAILED);
}
