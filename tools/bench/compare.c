/* Ratios of `varlen bench` to an earlier measurement: see bench/compare.h. */
#include "bench/compare.h"

#include <stdio.h>
#include <stdlib.h>

#include "bench/arguments.h"
#include "bench/json_read.h"
#include "npy/input_file.h"
#include "text_table.h"

enum { READ_AT_ONCE = 1 << 16, LONGEST_FILE = 1 << 26 };

/* The whole file as text that ends in a zero. */
static bool read_all(input_file *file, char **text, reason *why)
{
    size_t length = 0, count = 0;
    do {
        char *longer = length < LONGEST_FILE ? realloc(*text, length + READ_AT_ONCE + 1) : NULL;
        if (!longer)
            return refuse(why, "%s: %s", file->path, length < LONGEST_FILE ? "out of memory" : "longer than 64 MiB");
        *text = longer;
        if (!input_file_read(file, *text + length, READ_AT_ONCE, &count, why))
            return false;
        length += count;
    } while (count == READ_AT_ONCE);
    (*text)[length] = '\0';
    return true;
}

static bool read_file(const char *path, char **text, reason *why)
{
    input_file file;
    *text = NULL;
    if (!input_file_open(&file, path, why))
        return false;
    const bool ok = read_all(&file, text, why);
    input_file_close(&file);
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
            json_equals(json_member(item, "dtype"), dtype_word(result->dtype)) &&
            json_equals(json_member(item, "pass"), pass_word(result->pass)))
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
        text_table_add(&table, "%s", dtype_word(result->dtype));
        text_table_add(&table, "%s", pass_word(result->pass));
        const bool known = earlier_median(earlier, result, &median);
        text_table_add(&table, known ? "%10.4f" : "-", known ? median : 0.0);
        text_table_add(&table, "%9.4f", result->time.median);
        text_table_add(&table, known ? "%.3f" : "-", known ? median / result->time.median : 0.0);
    }
    text_table_print(&table, stdout);
}
