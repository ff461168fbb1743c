/* One call on one backend, with what it is to leave: made before the run, and shared by all threads, which only read
 * it. */
#ifndef VARLEN_TESTS_ENDURANCE_SUBJECT_H
#define VARLEN_TESTS_ENDURANCE_SUBJECT_H

#include "gpu/operations.h"

typedef struct subject {
    const char *backend;     /* "cpu", "cuda:1" */
    varlen_context *context; /* that threads share; of the backend's subjects */
    workload work;
    unsigned char *image;     /* the buffers before the call */
    unsigned char *expected;  /* after it, as the first call left them */
    unsigned char *bad_image; /* with bad metadata; NULL where there is none */
    unsigned char *spoilt;    /* what such a call leaves where the device finds it */
} subject;

/* False, with words printed, if the backend's first result is not the CPU backend's. */
bool subject_open(subject *of, const char *backend, varlen_context *context, const operation *kind);
void subject_close(subject *of);

/* Each makes a call of its own in memory of its own, and returns whether all went as it must; if not, it has printed
 * what did not. Streams are made for each call too. */
bool subject_run(const subject *of, varlen_context *context);

/* Bad metadata, in a context of its own: refused, with the outputs as they were, or found by the device, with outputs
 * of zeros and one report; and the next call in that context is right. */
bool subject_run_bad(const subject *of);

/* A head_dim that no backend takes: refused in words, with the outputs as they were. Attention alone. */
bool subject_run_refused(const subject *of);

/* Milliseconds that a call takes: the fastest of a few. */
double subject_time(const subject *of);

/* A context on a backend. */
varlen_context *open_backend(const char *backend);

#endif
