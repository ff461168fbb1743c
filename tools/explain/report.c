/* What `varlen explain` prints: see explain/report.h. */
#include "explain/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "text_table.h"

/* "12.3 GFLOP" */
static const char *amount(double value, const char *unit, char text[32])
{
    static const char *const prefixes[] = {"", "k", "M", "G", "T", "P", "E"};
    int prefix = 0;
    for (; value >= 1000 && prefix < 6; prefix++)
        value /= 1000;
    snprintf(text, 32,
             value < 10 && prefix    ? "%.2f %s%s"
             : value < 100 && prefix ? "%.1f %s%s"
                                     : "%.0f %s%s",
             value, prefixes[prefix], unit);
    return text;
}

static void add_work(text_table *table, const explain_problem *problem, varlen_pass pass)
{
    char flops[32], bytes[32];
    text_table_add(table, "%s", pass_word(pass));
    text_table_add(table, "%s on %s", amount(work_flops(&problem->attention, &problem->work, pass), "FLOP", flops),
                   amount(work_bytes(&problem->attention, &problem->work, pass), "B", bytes));
}

void explain_print_problem(const explain_problem *problem)
{
    const varlen_attention *a = &problem->attention;
    text_table table = {.columns = 2};
    printf("The problem\n");
    text_table_add(&table, "sequences");
    text_table_add(&table, "%d, of at most %d queries and %d keys", (int)a->batch, (int)a->max_seqlen_q,
                   (int)a->max_seqlen_k);
    text_table_add(&table, "tokens");
    text_table_add(&table, "%" PRId64 " queries, %" PRId64 " keys", problem->work.queries, problem->work.keys);
    text_table_add(&table, "heads");
    text_table_add(&table, "%d of queries on %d of keys and values, head_dim %d, value_dim %d, %s", (int)a->q_heads,
                   (int)a->kv_heads, (int)a->head_dim, (int)a->value_dim, dtype_word(a->dtype));
    if (a->kv_dtype) {
        text_table_add(&table, "quantised");
        text_table_add(&table, "keys and values in %s", dtype_word(a->kv_dtype));
    }
    if (a->page_size) {
        text_table_add(&table, "pages");
        text_table_add(&table, "%" PRId64 " of %d tokens", a->page_count, (int)a->page_size);
    }
    text_table_add(&table, "visible pairs");
    text_table_add(&table, "%" PRId64 " for each query head", problem->work.visible_pairs);
    for (varlen_pass pass = VARLEN_PASS_FORWARD; pass <= VARLEN_PASS_BACKWARD; pass++)
        if (problem->passes & 1 << pass)
            add_work(&table, problem, pass);
    text_table_print(&table, stdout);
}

void explain_print_device(const varlen_device_info *device, int32_t threads)
{
    printf("\n%s:%d (%s, %s)", device->backend, (int)device->device, device->name, device->architecture);
    printf(threads ? ", %d threads\n" : "\n", (int)threads);
}

/* A line below the pass's own. */
static void add_line(text_table *table, const char *line, size_t length)
{
    text_table_add(table, "%s", "");
    text_table_add(table, "%.*s", (int)length, line);
}

static void add_lines(text_table *table, const char *lines)
{
    for (const char *line = lines; *line;) {
        const size_t length = strcspn(line, "\n");
        add_line(table, line, length);
        line += length + (line[length] == '\n');
    }
}

static void add_bound(text_table *table, const bench_bound *bound)
{
    char text[160];
    const char *peak = bench_peak_name(bound->by);
    snprintf(text, sizeof text,
             bound->is_floor ? "takes at least %.4g ms, by the %s"
                             : "takes %.4g ms at the rate of %s; --peak makes it a floor",
             bound->milliseconds, peak);
    add_line(table, text, strlen(text));
}

void explain_print_answer(varlen_pass pass, const explain_answer *answer)
{
    char size[32];
    text_table table = {.columns = 2};
    text_table_add(&table, "%-8s", pass_word(pass));
    if (answer->status != VARLEN_OK) {
        text_table_add(&table, "not supported: %s", answer->refusal);
    } else {
        text_table_add(&table, "supported, with a workspace of %s (%zu bytes)",
                       amount((double)answer->workspace, "B", size), answer->workspace);
        if (answer->bound.milliseconds > 0)
            add_bound(&table, &answer->bound);
        add_lines(&table, answer->kernels);
    }
    text_table_print(&table, stdout);
}
