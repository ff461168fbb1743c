/* Threads that make mixed calls for a while. */
#ifndef VARLEN_TESTS_ENDURANCE_CREW_H
#define VARLEN_TESTS_ENDURANCE_CREW_H

#include "subject.h"

#include <stdatomic.h>

/* What a thread does next. */
typedef enum step {
    STEP_CALL,          /* on the context that all threads share */
    STEP_FRESH_CONTEXT, /* on one that is opened for it, and closed */
    STEP_BAD_METADATA,
    STEP_REFUSED,    /* a call whose arguments are refused */
    STEP_NO_BACKEND, /* an open that fails */
    STEPS
} step;

extern const char *const step_names[STEPS];

typedef struct crew {
    const subject *subjects;
    int subject_count;
    int backend_count; /* subjects are ordered by backend, as many of each */
    int threads;
    atomic_ullong done[STEPS]; /* since the start */
    atomic_ullong wrong;
} crew;

/* Starts the threads, which go on until `end` (clock_milliseconds) and finish what they are about, and waits for them.
 * `spell` numbers the calls of it: what threads do in it is a function of it alone. Threads take turns between the
 * backends. */
void crew_work(crew *all, double end, int spell);

#endif
