/* Runs cases of the table; see conformance.h. */
#include "conformance.h"

#include "filter.h"
#include "random.h"
#include "suites.h"

#include <stdio.h>
#include <time.h>

/* Multiplications that an emulator may be asked for. */
static const double small_cost = 1e6;

int conformance_case_count(void)
{
    suite_case found;
    int count = 0;
    while (suites_find(count, &found))
        count++;
    return count;
}

void conformance_case_name(int index, char name[CONFORMANCE_NAME_SIZE])
{
    suite_case found;
    name[0] = '\0';
    if (suites_find(index, &found))
        suite_case_name(&found, name);
}

bool conformance_case_matches(int index, const char *filter)
{
    char name[CONFORMANCE_NAME_SIZE];
    conformance_case_name(index, name);
    return filter_matches(filter, name);
}

static bool is_small(const suite_case *found)
{
    return !found->suite->cost || found->suite->cost(found->row) <= small_cost;
}

static void run_row(case_trial *trial, const void *row)
{
    const suite_case *found = row;
    trial_expect_ok(trial, varlen_context_device(trial->context, &trial->device), "varlen_context_device");
    found->suite->run(trial, found->row);
}

conformance_outcome conformance_run_case(varlen_context *context, int index, bool small,
                                         char reason[CONFORMANCE_REASON_SIZE])
{
    suite_case found;
    char name[CONFORMANCE_NAME_SIZE];
    reason[0] = '\0';
    if (!suites_find(index, &found)) {
        snprintf(reason, CONFORMANCE_REASON_SIZE, "there is no case %d", index);
        return CONFORMANCE_FAILED;
    }
    if (small && !is_small(&found)) {
        snprintf(reason, CONFORMANCE_REASON_SIZE, "not a small case");
        return CONFORMANCE_SKIPPED;
    }
    suite_case_name(&found, name);
    case_trial trial = {.context = context,
                        .device = {.struct_size = sizeof trial.device},
                        .dtype = found.dtype,
                        .pass = found.pass,
                        .seed = random_seed_of(name),
                        .reason = reason};
    return trial_run(&trial, run_row, &found);
}

static void count_outcome(conformance_totals *totals, conformance_outcome outcome)
{
    switch (outcome) {
    case CONFORMANCE_PASSED: totals->passed++; break;
    case CONFORMANCE_FAILED: totals->failed++; break;
    case CONFORMANCE_SKIPPED: totals->skipped++; break;
    }
}

static double now(void)
{
    struct timespec time;
    timespec_get(&time, TIME_UTC);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

conformance_totals conformance_run(varlen_context *context, const conformance_options *options)
{
    const conformance_options everything = {0};
    const conformance_options *chosen = options ? options : &everything;
    conformance_totals totals = {0};
    int total = conformance_case_count(), count = 0, number = 0;
    for (int index = 0; index < total; index++)
        count += conformance_case_matches(index, chosen->filter);
    for (int index = 0; index < total; index++) {
        char name[CONFORMANCE_NAME_SIZE], reason[CONFORMANCE_REASON_SIZE];
        conformance_case_name(index, name);
        if (!filter_matches(chosen->filter, name))
            continue;
        number++;
        if (chosen->starts)
            chosen->starts(chosen->user, name, number, count);
        double start = now();
        conformance_outcome outcome = conformance_run_case(context, index, chosen->small, reason);
        conformance_result result = {name, reason, outcome, number, count, now() - start};
        count_outcome(&totals, outcome);
        if (chosen->report)
            chosen->report(chosen->user, &result);
    }
    return totals;
}
