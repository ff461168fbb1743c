/* One case while it runs: its device, its dtype and seed, its memory, and the two ways to end it early. */
#ifndef VARLEN_TESTS_TRIAL_H
#define VARLEN_TESTS_TRIAL_H

#include "conformance.h"
#include "memory_pool.h"

#include <setjmp.h>
#include <stdnoreturn.h>

typedef struct device_session device_session;

typedef struct case_trial {
    varlen_context *context; /* the caller's */
    varlen_device_info device;
    varlen_dtype dtype;
    varlen_pass pass;
    uint64_t seed;
    memory_pool pool;         /* host memory of the case */
    device_session *sessions; /* see session.h */
    conformance_outcome outcome;
    char *reason; /* [CONFORMANCE_REASON_SIZE] */
    jmp_buf end;
} case_trial;

/* Runs `run` to its end, or to the call below that ends it, and gives back all that it took. */
conformance_outcome trial_run(case_trial *trial, void (*run)(case_trial *trial, const void *row), const void *row);

/* End the case, from anywhere below trial_run. */
noreturn void trial_fail(case_trial *trial, const char *format, ...) __attribute__((format(printf, 2, 3)));
noreturn void trial_skip(case_trial *trial, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Fails the case, with the library's message, unless the call went well. */
void trial_expect_ok(case_trial *trial, varlen_status status, const char *call);

/* Skips the case, with the library's message, if the call is one that the backend leaves out. */
void trial_skip_unsupported(case_trial *trial, varlen_status status);

/* Both: fails or skips the case unless the call went well. */
void trial_expect_ok_or_skip(case_trial *trial, varlen_status status, const char *call);

/* `count` zeroed elements of the case's host memory. */
#define TRIAL_TAKE(trial, count, type) ((type *)memory_take(&(trial)->pool, (count), sizeof(type)))

#endif
