/* `varlen explain`: asks backends what they make of a problem. */
#include <stdio.h>

#include "backend_lists.h"
#include "bench/measure_peaks.h"
#include "commands.h"
#include "explain/report.h"
#include "progress.h"
#include "standard_streams.h"

static bool measure(varlen_context *context, const explain_arguments *arguments, const varlen_device_info *device,
                    int32_t threads, bench_peaks *peaks, reason *why)
{
    const bench_peaks_wanted wanted = {
        .peak = arguments->peak,
        .bandwidth = arguments->bandwidth,
        .measured = arguments->peak <= 0 || arguments->bandwidth <= 0,
        .dtypes = 1u << arguments->dtype,
        .threads = threads,
        .memory = device->memory_bytes,
    };
    return !arguments->floor || bench_measure_peaks(context, &wanted, peaks, why);
}

/* False for a problem that breaks a rule, whatever the backend. */
static bool ask_pass(varlen_context *context, const explain_problem *problem, varlen_pass pass, explain_answer *answer,
                     char kernels[VARLEN_EXPLAIN_SIZE], reason *why)
{
    answer->status = varlen_workspace_size(context, &problem->attention, pass, &answer->workspace);
    answer->refusal = varlen_error_message();
    if (answer->status == VARLEN_ERROR_INVALID_ARGUMENT)
        return refuse(why, "%s", varlen_error_message());
    if (answer->status == VARLEN_OK &&
        varlen_explain(context, &problem->attention, pass, kernels, VARLEN_EXPLAIN_SIZE) != VARLEN_OK)
        snprintf(kernels, VARLEN_EXPLAIN_SIZE, "%s", varlen_error_message());
    answer->kernels = kernels;
    return true;
}

static bool explain_context(varlen_context *context, const explain_arguments *arguments, const explain_problem *problem,
                            bool *is_taken, reason *why)
{
    varlen_device_info device = {.struct_size = sizeof device};
    bench_peaks peaks = {0};
    char kernels[VARLEN_EXPLAIN_SIZE];
    bool all = true;
    if (varlen_context_device(context, &device) != VARLEN_OK)
        return refuse(why, "%s", varlen_error_message());
    const bool on_processor = device.flags & VARLEN_DEVICE_HOST_MEMORY;
    const int32_t threads = !on_processor ? 0 : arguments->threads ? arguments->threads : device.compute_units;
    if (!measure(context, arguments, &device, threads, &peaks, why))
        return false;
    explain_print_device(&device, threads);
    for (varlen_pass pass = VARLEN_PASS_FORWARD; pass <= VARLEN_PASS_BACKWARD; pass++) {
        explain_answer answer = {.status = VARLEN_OK};
        if (!(problem->passes & 1 << pass))
            continue;
        if (!ask_pass(context, problem, pass, &answer, kernels, why))
            return false;
        answer.bound = bench_bound_of(&peaks, on_processor, problem->attention.dtype,
                                      work_flops(&problem->attention, &problem->work, pass),
                                      work_bytes(&problem->attention, &problem->work, pass));
        explain_print_answer(pass, &answer);
        all = all && answer.status == VARLEN_OK;
    }
    *is_taken = *is_taken || all;
    return true;
}

static bool explain_backend(const char *backend, const explain_arguments *arguments, const explain_problem *problem,
                            bool *is_taken, reason *why)
{
    const varlen_open_options options = {
        .struct_size = sizeof options, .backend = backend, .threads = arguments->threads};
    varlen_context *context;
    progress_show(0, 0, backend);
    const varlen_status opened = varlen_open(&options, &context);
    progress_clear();
    if (opened != VARLEN_OK)
        return refuse(why, "%s", varlen_error_message());
    const bool ok = explain_context(context, arguments, problem, is_taken, why);
    varlen_close(context);
    return ok;
}

/* The first device of each. One that cannot be used says why, and the others go on. */
static bool explain_all(const explain_arguments *arguments, const explain_problem *problem, bool *is_taken, reason *why)
{
    const uint64_t before = backend_lists_digest();
    for (int32_t i = 0; i < varlen_backend_count(); i++) {
        varlen_backend_info backend = {.struct_size = sizeof backend};
        if (varlen_get_backend(i, &backend) != VARLEN_OK)
            continue;
        if (backend.state != VARLEN_BACKEND_USABLE)
            printf("\n%s cannot be used: %s\n", backend.name, backend.reason);
        else if (!explain_backend(backend.name, arguments, problem, is_taken, why))
            return false;
    }
    if (backend_lists_digest() != before)
        standard_output_lost();
    return true;
}

static bool run(const explain_arguments *arguments, reason *why)
{
    explain_problem problem;
    bool is_taken = false; /* by some backend, in every pass */
    if (!explain_problem_make(arguments, &problem, why))
        return false;
    explain_print_problem(&problem);
    fflush(stdout);
    const bool ok = arguments->backend ? explain_backend(arguments->backend, arguments, &problem, &is_taken, why)
                                       : explain_all(arguments, &problem, &is_taken, why);
    return ok && (is_taken || refuse(why, "no backend here takes the problem"));
}

int command_explain(int count, char **words)
{
    explain_arguments arguments;
    reason why;
    switch (explain_arguments_parse(count, words, &arguments, &why)) {
    case OPTIONS_HELP_PRINTED: return EXIT_DONE;
    case OPTIONS_REFUSED: return command_failed("explain", why.text, EXIT_USAGE);
    case OPTIONS_PARSED: break;
    }
    return run(&arguments, &why) ? EXIT_DONE : command_failed("explain", why.text, EXIT_FAILED);
}
