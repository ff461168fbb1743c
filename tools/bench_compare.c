/* Ratios of `varlen bench` to an earlier measurement: see bench_compare.h. */
#include "bench_compare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_arguments.h"
#include "json_read.h"
#include "text_table.h"

static bool read_file(const char *path, char **text, reason *why)
{
    size_t size = 0;
    FILE *stream = fopen(path, "r");
    if (!stream)
        return refuse(why, "%s: cannot be opened: %s", path, strerror(errno));
    *text = NULL;
    const bool ok = getdelim(text, &size, '\0', stream) >= 0 || refuse(why, "%s: cannot be read, or empty", path);
    fclose(stream);
    if (!ok) {
        free(*text);
        *text = NULL;
    }
    return ok;
}

bool bench_read_earlier(const char *path, char **text, reason *why)
{
    if (!read_file(path, text, why))
        return false;
    if (json_valid(*text) && json_first(json_member(*text, "results")))
        return true;
    free(*text);
    *text = NULL;
    return refuse(why, "%s: not a file that varlen bench --json wrote", path);
}

static bool earlier_median(const char *earlier, const bench_result *result, double *median)
{
    const char *item = json_first(json_member(earlier, "results"));
    for (; item; item = json_next(item))
        if (json_equals(json_member(item, "workload"), result->workload->name) &&
            json_equals(json_member(item, "dtype"), bench_dtype_name(result->dtype)) &&
            json_equals(json_member(item, "pass"), bench_pass_name(result->pass)))
            return json_number(json_member(item, "median_ms"), median) && *median > 0;
    return false;
}

void bench_print_ratios(const bench_results *results, const char *earlier, const char *path)
{
    static const char *const heading[] = {"workload", "dtype", "pass", "earlier ms", "now ms", "earlier / now"};
    text_table table = {.columns = 6};
    printf("\nAgainst %s: ratios above 1 are faster\n", path);
    for (int i = 0; i < table.columns; i++)
        text_table_add(&table, "%s", heading[i]);
    for (int i = 0; i < results->count; i++) {
        const bench_result *result = &results->items[i];
        double median;
        if (result->time.repetitions == 0)
            continue;
        text_table_add(&table, "%s", result->workload->name);
        text_table_add(&table, "%s", bench_dtype_name(result->dtype));
        text_table_add(&table, "%s", bench_pass_name(result->pass));
        const bool known = earlier_median(earlier, result, &median);
        text_table_add(&table, known ? "%10.3f" : "-", known ? median : 0.0);
        text_table_add(&table, "%9.3f", result->time.median);
        text_table_add(&table, known ? "%.3f" : "-", known ? median / result->time.median : 0.0);
    }
    text_table_print(&table, stdout);
}
