/* What `varlen run` prints: see run/report.h. */
#include "run/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "text_table.h"

/* Multiplications and additions over all visible pairs: `head_dims` products over D and `value_dims` over Dv. */
static double flops(const varlen_attention *attention, const run_work *work, int head_dims, int value_dims)
{
    const double per_pair = 2.0 * (head_dims * attention->head_dim + value_dims * attention->value_dim);
    return per_pair * (double)work->visible_pairs * attention->q_heads;
}

static void add_time(text_table *table, const char *pass, const run_time *time, double operations)
{
    if (time->repetitions == 0)
        return;
    text_table_add(table, "%stime", pass);
    text_table_add(table, "%.3f ms (median of %d after a warm-up)", time->milliseconds, time->repetitions);
    text_table_add(table, "%sGFLOP/s", pass);
    if (time->milliseconds > 0)
        text_table_add(table, "%.2f (visible pairs only)", operations / time->milliseconds * 1e-6);
    else
        text_table_add(table, "too fast to tell");
}

static double largest_error(const npy_array *out, const npy_array *expected)
{
    double largest = 0;
    for (int64_t i = 0; i < out->count; i++) {
        const double error =
            fabs(element_get(out->data, out->type, i) - element_get(expected->data, expected->type, i));
        if (!(error <= largest)) /* also true for NaN, which then stays */
            largest = error;
        if (isnan(largest))
            break;
    }
    return largest;
}

void run_report_print(const run_arguments *arguments, const run_problem *problem, const run_result *result)
{
    const run_work work = run_problem_work(problem);
    const int64_t padding = work.padded_rows - work.queries;
    const char *forward = problem->backward ? "forward " : "";
    text_table table = {.columns = 2};
    text_table_add(&table, "backend");
    text_table_add(&table, "%s", result->device.backend);
    text_table_add(&table, "device");
    text_table_add(&table, "%d: %s, %s", (int)result->device.device, result->device.name, result->device.architecture);
    text_table_add(&table, "sequences");
    text_table_add(&table, "%d", (int)problem->attention.batch);
    text_table_add(&table, "tokens");
    text_table_add(&table, "%" PRId64 " queries, %" PRId64 " keys", work.queries, work.keys);
    text_table_add(&table, "padding avoided");
    text_table_add(&table, "%.1f %% (%" PRId64 " of the %" PRId64 " query rows of a padded batch)",
                   work.padded_rows ? 100.0 * (double)padding / (double)work.padded_rows : 0.0, padding,
                   work.padded_rows);
    add_time(&table, forward, &result->forward, flops(&problem->attention, &work, 1, 1));
    add_time(&table, "backward ", &result->backward, flops(&problem->attention, &work, 3, 2));
    if (arguments->inputs[INPUT_EXPECT]) {
        text_table_add(&table, "largest error");
        text_table_add(&table, "%.2g (against %s)",
                       largest_error(&result->outputs[OUTPUT_OUT], &problem->inputs[INPUT_EXPECT]),
                       arguments->inputs[INPUT_EXPECT]);
    }
    text_table_print(&table, stdout);
}
