/* Each step of steps.c or loaded_steps.c with each of its allocations failing in turn: once, and from then on. Every
 * try has a process of its own, in which nothing has been loaded yet. There the step succeeds or fails with a message;
 * after that, without failures, it succeeds; and no more memory is in use than where nothing had failed, but for what
 * is kept once, as the reason of a refusal is: failing again and again adds nothing.
 *
 * usage: library_test FILE [STEP]    FILE: the plugin "partial" for steps.c, libvarlen for loaded_steps.c */
#include "faults.h"
#include "steps.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LONGEST_SECONDS = 60, MOST_SHOWN = 5, SOME_TIMES = 3, MANY_TIMES = 6 };

typedef struct fault {
    faults_mode mode;
    long nth;
} fault;

typedef struct outcome {
    bool ended;          /* the process came to its end, by itself */
    varlen_status first; /* of the step with failing allocations */
    varlen_status again; /* and without */
    long asked;          /* allocations of the first */
    long failed;
    long growth;  /* allocations that are in use after both */
    bool is_mute; /* a failure without a message */
    char message[256];
} outcome;

static void keep_message(outcome *result)
{
    snprintf(result->message, sizeof result->message, "%s", steps_message());
}

static outcome run_here(const step *kind, fault injected, int times)
{
    outcome result = {.ended = true};
    kind->prepare();
    const long before = faults_stop().live;
    faults_start(injected.mode, injected.nth);
    result.first = kind->run();
    const faults_report report = faults_stop();
    result.asked = report.asked;
    result.failed = report.failed;
    if (result.first != VARLEN_OK) {
        keep_message(&result);
        result.is_mute = !result.message[0];
    }
    for (int n = 1; n < times; n++) {
        faults_start(injected.mode, injected.nth);
        kind->run();
        faults_stop();
    }
    result.again = kind->run();
    if (result.again != VARLEN_OK)
        keep_message(&result);
    result.growth = faults_stop().live - before;
    return result;
}

static outcome run_in_child(const step *kind, fault injected, int times)
{
    int ends[2];
    outcome result = {.ended = false};
    fflush(NULL);
    if (pipe(ends) != 0)
        exit(EXIT_FAILURE);
    const pid_t child = fork();
    if (child == 0) {
        alarm(LONGEST_SECONDS);
        const outcome here = run_here(kind, injected, times);
        _exit(write(ends[1], &here, sizeof here) == sizeof here ? 0 : EXIT_FAILURE);
    }
    int status = 0;
    close(ends[1]);
    if (child < 0 || read(ends[0], &result, sizeof result) != sizeof result)
        result = (outcome){.ended = false};
    close(ends[0]);
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status))
        snprintf(result.message, sizeof result.message, "signal %d", WTERMSIG(status));
    else if (!result.ended)
        snprintf(result.message, sizeof result.message, "exit status %d", WEXITSTATUS(status));
    return result;
}

/* What more times add to what is in use after some. */
static long growth_of_times(const step *kind, fault injected)
{
    const outcome some = run_in_child(kind, injected, SOME_TIMES);
    const outcome many = run_in_child(kind, injected, MANY_TIMES);
    return some.ended && many.ended ? many.growth - some.growth : LONG_MAX;
}

static bool loses_memory(const step *kind, fault injected)
{
    return growth_of_times(kind, injected) > growth_of_times(kind, (fault){FAULTS_NONE, 0});
}

/* NULL: all is well. */
static const char *fault_of(const step *kind, fault injected, const outcome *result, const outcome *usual)
{
    if (!result->ended)
        return "the process ended";
    if (result->is_mute)
        return "a failure without a message";
    if (result->again != VARLEN_OK)
        return "no success afterwards";
    if (result->growth > usual->growth && loses_memory(kind, injected))
        return "memory is lost";
    return kind->allocates_nothing && result->asked > 0 ? "a call allocates" : NULL;
}

static long try_all(const step *kind, faults_mode mode, const outcome *usual, int *faults)
{
    static const char *const modes[] = {[FAULTS_ONCE] = "once", [FAULTS_FROM] = "from"};
    for (long nth = 1;; nth++) {
        const fault injected = {mode, nth};
        const outcome result = run_in_child(kind, injected, 1);
        const char *what = fault_of(kind, injected, &result, usual);
        if (what && (*faults)++ < MOST_SHOWN)
            printf("  %s:%ld: %s: first status %d, then %d, in use %ld, not %ld: %s\n", modes[mode], nth, what,
                   result.first, result.again, result.growth, usual->growth, result.message);
        if (result.ended && result.failed == 0)
            return nth - 1;
    }
}

static bool test(const step *kind, long *total)
{
    const outcome usual = run_in_child(kind, (fault){FAULTS_NONE, 0}, 1);
    int faults = 0;
    if (!usual.ended || usual.first != VARLEN_OK || usual.again != VARLEN_OK) {
        printf("FAILED  %s: without failing allocations: %s\n", kind->name, usual.message);
        return false;
    }
    const long tries = try_all(kind, FAULTS_ONCE, &usual, &faults) + try_all(kind, FAULTS_FROM, &usual, &faults);
    printf("%s  %s: %ld allocations failed, %d faults\n", faults ? "FAILED" : "ok    ", kind->name, tries, faults);
    *total += tries;
    return faults == 0;
}

int main(int count, char **words)
{
    bool all_well = true;
    long total = 0;
    if (count < 2)
        return EXIT_FAILURE;
    steps_begin(words[1]);
    for (int i = 0; i < step_count; i++)
        if (count < 3 || strstr(steps[i].name, words[2]))
            all_well = test(&steps[i], &total) && all_well;
    steps_end();
    printf("%ld allocations failed in turn\n", total);
    return all_well ? EXIT_SUCCESS : EXIT_FAILURE;
}
