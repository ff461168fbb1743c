/* The conformance table: cases that any varlen backend must pass, run through the public API alone.
 *
 *     conformance_totals totals = conformance_run(context, &(conformance_options){.filter = "forward/masks", ...});
 *
 * A case's name is its filter, the seed of its data and the line to rerun it alone. The library prints nothing and
 * keeps no state between calls. */
#ifndef VARLEN_TESTS_CONFORMANCE_H
#define VARLEN_TESTS_CONFORMANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <varlen/varlen.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CONFORMANCE_NAME_SIZE 128
#define CONFORMANCE_REASON_SIZE 1024

typedef enum conformance_outcome {
    CONFORMANCE_PASSED = 0,
    CONFORMANCE_FAILED = 1,
    CONFORMANCE_SKIPPED = 2 /* the device does not do this; the reason says what */
} conformance_outcome;

/* What became of one case. Texts live for the duration of the callback. */
typedef struct conformance_result {
    const char *name;
    const char *reason; /* one paragraph on why it failed or was skipped; "" if it passed */
    conformance_outcome outcome;
    int number; /* 1 .. count, among the cases that the filter lets through */
    int count;
    double seconds; /* that it took */
} conformance_result;

typedef void (*conformance_report)(void *user, const conformance_result *result);

/* Before a case: its name, and its number among `count`. */
typedef void (*conformance_start)(void *user, const char *name, int number, int count);

/* Zeroed, everything is run and nothing is reported. */
typedef struct conformance_options {
    const char *filter; /* a part of the name, or a pattern of the whole name with * and ?; NULL or "" = every case */
    bool small;         /* skip the cases that take an emulator long */
    conformance_report report; /* called after each case, in this thread; NULL = not wanted */
    conformance_start starts;  /* called before each case; NULL = not wanted */
    void *user;                /* handed to both */
} conformance_options;

typedef struct conformance_totals {
    int passed;
    int failed;
    int skipped;
} conformance_totals;

/* The table, the same for every device. 0 <= index < conformance_case_count(). */
int conformance_case_count(void);
void conformance_case_name(int index, char name[CONFORMANCE_NAME_SIZE]);
bool conformance_case_matches(int index, const char *filter);

/* Runs one case and writes why it failed or was skipped, "" if it passed. */
conformance_outcome conformance_run_case(varlen_context *context, int index, bool small,
                                         char reason[CONFORMANCE_REASON_SIZE]);

/* Runs all cases that the options let through, in the table's order. `options` may be NULL. Nothing else may use the
 * context meanwhile: cases look at what varlen_context_status tells. */
conformance_totals conformance_run(varlen_context *context, const conformance_options *options);

#ifdef __cplusplus
}
#endif

#endif
