/* Growth, by quarters of the run; see history.h. */
#include "history.h"

#include "gpu/report.h"
#include "text_table.h"

#include <math.h>
#include <stdlib.h>

/* What allocators and the system keep differs from one look to the next, and so does the speed of a machine that others
 * use too. What leaks grows with every call, by far more than this in an hour. */
static const double heap_slack = 1;        /* MiB */
static const double resident_slack = 32;   /* MiB, */
static const double resident_share = 0.25; /* and this part of what was there */
static const double most_times_as_long = 4;

history history_make(int capacity, int subject_count)
{
    return (history){
        .capacity = capacity,
        .subject_count = subject_count,
        .footprints = must_allocate((size_t)capacity * sizeof(footprint)),
        .times = must_allocate((size_t)capacity * (size_t)subject_count * sizeof(double)),
        .steps = must_allocate((size_t)capacity * sizeof(unsigned long long)),
    };
}

void history_free(history *of)
{
    free(of->footprints);
    free(of->times);
    free(of->steps);
}

bool history_has_room(const history *of)
{
    return of->spells < of->capacity;
}

void history_add(history *of, const subject *subjects, unsigned long long steps)
{
    const int spell = of->spells++;
    of->footprints[spell] = footprint_now();
    of->steps[spell] = steps;
    for (int n = 0; n < of->subject_count; n++)
        of->times[n * of->capacity + spell] = subject_time(&subjects[n]);
}

/* ---- Quarters ---- */

static int ascending(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* The last spell of a quarter, and one more. */
static int end_of(const history *of, int quarter)
{
    return (quarter + 1) * of->spells / QUARTERS;
}

static double median_time(const history *of, int n, int quarter)
{
    const int start = end_of(of, quarter - 1), count = end_of(of, quarter) - start;
    double *sorted = must_allocate((size_t)count * sizeof(double));
    for (int i = 0; i < count; i++)
        sorted[i] = of->times[n * of->capacity + start + i];
    qsort(sorted, (size_t)count, sizeof *sorted, ascending);
    const double median = (sorted[count / 2] + sorted[(count - 1) / 2]) / 2;
    free(sorted);
    return median;
}

/* As it was at a quarter's end. */
static footprint footprint_after(const history *of, int quarter)
{
    return of->footprints[end_of(of, quarter) - 1];
}

static double times_as_long(const history *of, int n)
{
    return median_time(of, n, QUARTERS - 1) / median_time(of, n, 0);
}

/* Over all kinds of calls: the geometric mean. */
static double mean_times_as_long(const history *of)
{
    double sum = 0;
    for (int n = 0; n < of->subject_count; n++)
        sum += log(times_as_long(of, n));
    return exp(sum / of->subject_count);
}

/* ---- Tables ---- */

static void print_times(const history *of, const subject *subjects)
{
    text_table table = {.columns = 3 + QUARTERS};
    const char *const head[] = {"backend", "ms of a call, medians", "1", "2", "3", "4", "4 / 1"};
    for (int column = 0; column < table.columns; column++)
        text_table_add(&table, "%s", head[column]);
    for (int n = 0; n < of->subject_count; n++) {
        text_table_add(&table, "%s", subjects[n].backend);
        text_table_add(&table, "%s", subjects[n].work.operation->name);
        for (int quarter = 0; quarter < QUARTERS; quarter++)
            text_table_add(&table, "%.3f", median_time(of, n, quarter));
        text_table_add(&table, "%.2f", times_as_long(of, n));
    }
    text_table_print(&table, stdout);
}

static void print_footprints(const history *of)
{
    text_table table = {.columns = 6};
    const char *const head[] = {"after quarter", "calls", "heap MiB", "resident MiB", "descriptors", "threads"};
    for (int column = 0; column < table.columns; column++)
        text_table_add(&table, "%s", head[column]);
    for (int quarter = 0; quarter < QUARTERS; quarter++) {
        const footprint held = footprint_after(of, quarter);
        text_table_add(&table, "%d", quarter + 1);
        text_table_add(&table, "%llu", of->steps[end_of(of, quarter) - 1]);
        text_table_add(&table, "%.2f", held.heap);
        text_table_add(&table, "%.1f", held.resident);
        text_table_add(&table, "%d", held.descriptors);
        text_table_add(&table, "%d", held.threads);
    }
    text_table_print(&table, stdout);
}

void history_print_last(const history *of, double seconds)
{
    const footprint held = of->footprints[of->spells - 1];
    printf("        after %.0f s: %llu calls, heap %.2f MiB, resident %.1f MiB, descriptors %d, threads %d\n", seconds,
           of->steps[of->spells - 1], held.heap, held.resident, held.descriptors, held.threads);
    fflush(stdout);
}

void history_print(const history *of, const subject *subjects)
{
    print_times(of, subjects);
    puts("");
    print_footprints(of);
    puts("");
}

void history_judge(const history *of)
{
    const footprint first = footprint_after(of, 0), last = footprint_after(of, QUARTERS - 1);
    const double longer = mean_times_as_long(of);
    report(last.heap <= first.heap + heap_slack, "heap: %+.3f MiB since the first quarter", last.heap - first.heap);
    report(last.resident <= first.resident * (1 + resident_share) + resident_slack,
           "resident memory: %+.1f MiB since the first quarter", last.resident - first.resident);
    report(last.descriptors <= first.descriptors, "descriptors: %+d since the first quarter",
           last.descriptors - first.descriptors);
    report(last.threads <= first.threads, "threads: %+d since the first quarter", last.threads - first.threads);
    report(longer < most_times_as_long, "time of a call: %.2f times that of the first quarter", longer);
}
