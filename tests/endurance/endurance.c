/* Mixed calls from many threads on several backends, for as long as one likes: results stay what they were at the
 * start, and the process holds no more at the end. docs/testing.md tells what it has shown. */
#include "clock.h"
#include "crew.h"
#include "gpu/reference.h"
#include "gpu/report.h"
#include "history.h"
#include "options.h"
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BACKENDS = 8, MOST_THREADS = 1024, EXIT_USAGE = 2 };
enum { FEWEST_SPELLS = 2 * QUARTERS, SPELL_SECONDS = 30, MOST_WRONG = 20 };

typedef struct arguments {
    const char *backends;
    float minutes;
    int threads;
} arguments;

static bool read_threads(const command_option *option, const char *value, void *target, reason *why)
{
    (void)option;
    char *end;
    const long threads = strtol(value, &end, 10);
    if (end == value || *end || threads < 1 || threads > MOST_THREADS)
        return refuse(why, "not a whole number from 1 to %d", MOST_THREADS);
    *(int *)target = (int)threads;
    return true;
}

static bool read_minutes(const command_option *option, const char *value, void *target, reason *why)
{
    float *minutes = target;
    if (!read_float(option, value, minutes, why))
        return false;
    return (*minutes > 0 && *minutes <= 10000) || refuse(why, "not a number above 0, and at most 10000");
}

/* clang-format off */
static const command_option options[] = {
    {"--backends", "NAME,...", read_text, .offset = offsetof(arguments, backends),
     .help = "whose calls are made side by side, as in cpu,cuda:0; default cpu"},
    {"--minutes", "M", read_minutes, .offset = offsetof(arguments, minutes), .help = "how long; default 1"},
    {"--threads", "N", read_threads, .offset = offsetof(arguments, threads),
     .help = "that make calls at once; default 64"},
};

static const command_usage usage = {
    .command = "endurance",
    .summary = "mixed calls from many threads for a while: nothing grows, and results stay the same",
    .notes = "Threads come and go in spells of at most 30 seconds. Between two spells, when nothing is going on, it is\n"
             "measured what the process holds and how long calls take.",
    .options = options,
    .option_count = (int)(sizeof options / sizeof options[0]),
};
/* clang-format on */

/* The names in the list, which it cuts apart. */
static int split(char *list, const char **names)
{
    int count = 0;
    for (char *name = strtok(list, ","); name && count < MOST_BACKENDS; name = strtok(NULL, ","))
        names[count++] = name;
    return count;
}

static unsigned long long steps_of(const crew *all)
{
    unsigned long long sum = 0;
    for (int n = 0; n < STEPS; n++)
        sum += all->done[n];
    return sum;
}

/* As many spells as there is time for, but never fewer than tell something of each quarter; a line at the end of each.
 */
static void run(crew *all, history *measured, double minutes)
{
    const double most = SPELL_SECONDS * 1e3, total = minutes * 60e3;
    const double each = total / (FEWEST_SPELLS + 1) < most ? total / (FEWEST_SPELLS + 1) : most;
    const double start = clock_milliseconds(), end = start + total;
    int told = 0;                    /* quarters */
    crew_work(all, start + each, 0); /* for threads and memory that are kept */
    for (int spell = 1; all->wrong < MOST_WRONG && history_has_room(measured); spell++) {
        char what[64];
        const double now = clock_milliseconds();
        if (now >= end && measured->spells >= FEWEST_SPELLS)
            break;
        snprintf(what, sizeof what, "seconds, %llu calls", steps_of(all));
        progress_show((int)((now - start) / 1e3), (int)(total / 1e3), what);
        crew_work(all, now + each, spell);
        history_add(measured, all->subjects, steps_of(all));
        const double gone = clock_milliseconds() - start;
        if (gone >= total * (told + 1) / QUARTERS && told < QUARTERS) {
            progress_clear();
            history_print_last(measured, gone / 1e3);
            told++;
        }
    }
    progress_clear();
}

static void print_steps(const crew *all)
{
    for (int n = 0; n < STEPS; n++)
        printf("  %-34s %llu\n", step_names[n], all->done[n]);
    puts("");
}

static bool endure(const arguments *given, const char *const *backends, int backend_count)
{
    const int count = backend_count * operation_count;
    const int spells = FEWEST_SPELLS + (int)(given->minutes * 60 / SPELL_SECONDS);
    varlen_context *contexts[MOST_BACKENDS];
    subject *subjects = must_allocate((size_t)count * sizeof *subjects);
    history measured = history_make(spells, count);
    bool right = true;
    for (int b = 0; b < backend_count; b++) {
        contexts[b] = open_backend(backends[b]);
        for (int n = 0; n < operation_count; n++)
            right &= subject_open(&subjects[b * operation_count + n], backends[b], contexts[b], operations[n]);
    }
    report(right, "the first results are the CPU backend's");
    crew all = {
        .subjects = subjects, .subject_count = count, .backend_count = backend_count, .threads = given->threads};
    if (right)
        run(&all, &measured, (double)given->minutes);
    report(right && all.wrong == 0, "every call went as the first did");
    if (right && all.wrong == 0) {
        puts("");
        print_steps(&all);
        history_print(&measured, subjects);
        history_judge(&measured);
    }
    for (int n = 0; n < count; n++)
        subject_close(&subjects[n]);
    for (int b = 0; b < backend_count; b++)
        varlen_close(contexts[b]);
    history_free(&measured);
    free(subjects);
    reference_close();
    return report_end() == EXIT_SUCCESS;
}

int main(int count, char **words)
{
    reason why;
    arguments given = {.backends = "cpu", .minutes = 1, .threads = 64};
    const char *backends[MOST_BACKENDS];
    switch (options_parse(&usage, count - 1, words + 1, &given, &why)) {
    case OPTIONS_HELP_PRINTED: return EXIT_SUCCESS;
    case OPTIONS_REFUSED: fprintf(stderr, "endurance: %s\n", why.text); return EXIT_USAGE;
    case OPTIONS_PARSED: break;
    }
    char *list = strdup(given.backends);
    const int backend_count = list ? split(list, backends) : 0;
    if (backend_count == 0) {
        fputs("endurance: --backends names none\n", stderr);
        return EXIT_USAGE;
    }
    printf("%s for %g minutes, %d threads\n", given.backends, (double)given.minutes, given.threads);
    const bool good = endure(&given, backends, backend_count);
    free(list);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
