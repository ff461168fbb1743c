/* `varlen check`: the conformance table on a backend. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <varlen/varlen.h>

#include "check/dispatched.h"
#include "check/skipped.h"
#include "commands.h"
#include "conformance/conformance.h"
#include "options.h"
#include "progress.h"

typedef enum check_scale { SCALE_SMALL, SCALE_FULL } check_scale;

typedef struct check_arguments {
    const char *backend; /* NULL = what the environment says */
    const char *filter;  /* NULL = every case */
    int scale;           /* check_scale */
    bool list;
    bool skipped;
    bool kernels;
} check_arguments;

static const option_choice scales[] = {{"small", SCALE_SMALL}, {"full", SCALE_FULL}, {NULL, 0}};

static const command_option options[] = {
    {"--backend", "B", read_text, .offset = offsetof(check_arguments, backend),
     .help = "as VARLEN_BACKEND: cpu, cuda:1, auto, ..."},
    {"--filter", "F", read_text, .offset = offsetof(check_arguments, filter),
     .help = "cases with F in their name, or whose whole name matches F with * and ?"},
    {"--scale", NULL, read_choice, .offset = offsetof(check_arguments, scale), .choices = scales,
     .help = "small skips the long cases, for emulators; default full"},
    {"--list", NULL, read_switch, .offset = offsetof(check_arguments, list),
     .help = "print the names of the cases, one a line, and run nothing"},
    {"--skipped", NULL, read_switch, .offset = offsetof(check_arguments, skipped),
     .help = "print which cases were skipped, each with the reason"},
    {"--kernels", NULL, read_switch, .offset = offsetof(check_arguments, kernels),
     .help = "run the cases with each of the device's families of kernels by itself, on the problems that it takes; "
             "fail if one took none"},
};

typedef struct check_report {
    const char *device; /* to name in the line to rerun a case */
    bool names_skipped;
    skip_counts skipped;
} check_report;

static void report_case(void *user, const conformance_result *result)
{
    check_report *report = user;
    const bool failed = result->outcome == CONFORMANCE_FAILED;
    const bool skipped = result->outcome == CONFORMANCE_SKIPPED;
    if (skipped)
        skip_counts_add(&report->skipped, result->reason);
    if (failed || (skipped && report->names_skipped)) {
        progress_clear();
        printf("%s %s\n  %s\n", failed ? "FAILED" : "skipped", result->name, result->reason);
        if (failed)
            printf("  rerun: varlen check --backend %s --filter '%s'\n", report->device, result->name);
        fflush(stdout);
    }
}

static void show_case(void *user, const char *name, int number, int count)
{
    (void)user;
    progress_show(number, count, name);
}

static int no_match(const check_arguments *arguments)
{
    reason why;
    refuse(&why, "no case matches --filter %s; varlen check --list prints the names", arguments->filter);
    return command_failed("check", why.text, EXIT_FAILED);
}

static int list_cases(const check_arguments *arguments)
{
    const int count = conformance_case_count();
    int listed = 0;
    for (int i = 0; i < count; i++) {
        char name[CONFORMANCE_NAME_SIZE];
        if (!conformance_case_matches(i, arguments->filter))
            continue;
        conformance_case_name(i, name);
        puts(name);
        listed++;
    }
    return listed ? EXIT_DONE : no_match(arguments);
}

static int run_cases(varlen_context *context, const check_arguments *arguments)
{
    varlen_device_info info = {.struct_size = sizeof info};
    char device[32];
    if (varlen_context_device(context, &info) != VARLEN_OK)
        return command_failed("check", varlen_error_message(), EXIT_FAILED);
    snprintf(device, sizeof device, "%s:%d", info.backend, (int)info.device);
    printf("%s (%s, %s)\n", device, info.name, info.architecture);
    fflush(stdout);

    check_report report = {.device = device, .names_skipped = arguments->skipped};
    const conformance_options selection = {.filter = arguments->filter,
                                           .small = arguments->scale == SCALE_SMALL,
                                           .report = report_case,
                                           .starts = show_case,
                                           .user = &report};
    const conformance_totals totals = conformance_run(context, &selection);
    progress_clear();
    if (!arguments->kernels) /* a family's reasons are as many as problems */
        skip_counts_print(&report.skipped);
    skip_counts_free(&report.skipped);
    printf("%d passed, %d failed, %d skipped\n", totals.passed, totals.failed, totals.skipped);
    if (totals.passed + totals.failed + totals.skipped == 0)
        return no_match(arguments);
    return totals.failed ? EXIT_FAILED : EXIT_DONE;
}

static varlen_context *open_context(const check_arguments *arguments)
{
    const varlen_open_options open_options = {.struct_size = sizeof open_options, .backend = arguments->backend};
    varlen_context *context;
    if (varlen_open(&open_options, &context) == VARLEN_OK)
        return context;
    command_failed("check", varlen_error_message(), EXIT_FAILED);
    return NULL;
}

/* The cases once more on a context whose calls go to one family. */
static int check_family(const check_arguments *arguments, const char *name, dispatch_counts *counts)
{
    setenv("VARLEN_GPU_KERNELS", name, 1);
    varlen_context *context = open_context(arguments);
    if (!context)
        return EXIT_FAILED;
    printf("VARLEN_GPU_KERNELS=%s\n", name);
    const int status = run_cases(context, arguments);
    dispatch_counts_add(counts, context);
    varlen_close(context);
    return status;
}

/* `families` are those of the device, with the passes that each does behind one another. */
static int check_families(const check_arguments *arguments, const dispatch_counts *families)
{
    dispatch_counts counts = {0};
    int worst = EXIT_DONE;
    for (int i = 0; i < families->count; i++) {
        const char *name = families->families[i].name;
        bool done = false;
        for (int before = 0; before < i; before++)
            done = done || strcmp(families->families[before].name, name) == 0;
        const int status = done ? EXIT_DONE : check_family(arguments, name, &counts);
        worst = status == EXIT_DONE ? worst : status;
    }
    dispatch_counts_print(&counts);
    return dispatch_counts_all_ran(&counts) ? worst : EXIT_FAILED;
}

static int check(const check_arguments *arguments)
{
    dispatch_counts families = {0};
    if (arguments->kernels)
        unsetenv("VARLEN_GPU_KERNELS");
    varlen_context *context = open_context(arguments);
    if (!context)
        return EXIT_FAILED;
    dispatch_counts_add(&families, context);
    const int status = arguments->kernels ? EXIT_DONE : run_cases(context, arguments);
    varlen_close(context);
    if (!arguments->kernels)
        return status;
    if (families.count == 0)
        return command_failed("check", "the backend tells of no families of kernels", EXIT_FAILED);
    return check_families(arguments, &families);
}

int command_check(int count, char **words)
{
    const command_usage usage = {
        .command = "check",
        .summary = "Runs the conformance table on a backend: every feature and corner case, against a float64 oracle.\n"
                   "Prints the cases that fail, with the reason and a line to rerun each, and how many were skipped "
                   "because the\n"
                   "backend leaves something out, by reason. Fails if one failed or none matched.",
        .options = options,
        .option_count = (int)(sizeof options / sizeof options[0]),
    };
    check_arguments arguments = {.scale = SCALE_FULL};
    reason why;
    switch (options_parse(&usage, count, words, &arguments, &why)) {
    case OPTIONS_HELP_PRINTED: return EXIT_DONE;
    case OPTIONS_REFUSED: return command_failed("check", why.text, EXIT_USAGE);
    case OPTIONS_PARSED: break;
    }
    if (arguments.list && (arguments.skipped || arguments.kernels))
        return command_failed("check", "--list runs nothing: there is nothing to be --skipped, and no --kernels",
                              EXIT_USAGE);
    return arguments.list ? list_cases(&arguments) : check(&arguments);
}
