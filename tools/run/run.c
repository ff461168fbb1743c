/* `varlen run`: arrays in, arrays out. */
#include "commands.h"
#include "progress.h"
#include "run/arguments.h"
#include "run/execute.h"
#include "run/outputs.h"
#include "run/problem.h"
#include "run/report.h"
#include "standard_streams.h"

/* The outputs get their places last: whatever fails, also the printing, leaves them as they were. */
static bool report_and_write(const run_arguments *arguments, const run_problem *problem, const run_result *result,
                             reason *why)
{
    run_outputs outputs;
    progress_show(0, 0, "writing the outputs");
    bool ok = run_outputs_write(arguments, result->outputs, &outputs, why);
    progress_clear();
    if (ok) {
        run_report_print(arguments, problem, result);
        ok = standard_output_check(why) && run_outputs_commit(&outputs, why);
    }
    run_outputs_free(&outputs);
    return ok;
}

static bool run(const run_arguments *arguments, reason *why)
{
    run_problem problem;
    run_result result;
    if (!run_problem_read(arguments, &problem, why)) {
        progress_clear();
        return false;
    }
    bool ok = run_execute(arguments, &problem, &result, why);
    progress_clear();
    if (ok) {
        ok = report_and_write(arguments, &problem, &result, why);
        run_result_free(&result);
    }
    run_problem_free(&problem);
    return ok;
}

int command_run(int count, char **words)
{
    run_arguments arguments;
    reason why;
    switch (run_arguments_parse(count, words, &arguments, &why)) {
    case OPTIONS_HELP_PRINTED: return EXIT_DONE;
    case OPTIONS_REFUSED: return command_failed("run", why.text, EXIT_USAGE);
    case OPTIONS_PARSED: break;
    }
    if (!run_outputs_check(&arguments, &why))
        return command_failed("run", why.text, EXIT_USAGE);
    return run(&arguments, &why) ? EXIT_DONE : command_failed("run", why.text, EXIT_FAILED);
}
