/* One case while it runs; see trial.h. */
#include "trial.h"

#include "session.h"

#include <stdarg.h>
#include <stdio.h>

static void out_of_memory(void *user)
{
    trial_fail(user, "the host has no more memory");
}

conformance_outcome trial_run(case_trial *trial, void (*run)(case_trial *trial, const void *row), const void *row)
{
    trial->outcome = CONFORMANCE_PASSED;
    trial->pool.exhausted = out_of_memory;
    trial->pool.user = trial;
    if (setjmp(trial->end) == 0)
        run(trial, row);
    sessions_close(trial);
    memory_free(&trial->pool);
    return trial->outcome;
}

void trial_fail(case_trial *trial, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(trial->reason, CONFORMANCE_REASON_SIZE, format, values);
    va_end(values);
    trial->outcome = CONFORMANCE_FAILED;
    longjmp(trial->end, 1);
}

void trial_skip(case_trial *trial, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(trial->reason, CONFORMANCE_REASON_SIZE, format, values);
    va_end(values);
    trial->outcome = CONFORMANCE_SKIPPED;
    longjmp(trial->end, 1);
}

void trial_expect_ok(case_trial *trial, varlen_status status, const char *call)
{
    if (status != VARLEN_OK)
        trial_fail(trial, "%s: %s: %s", call, varlen_status_name(status), varlen_error_message());
}

void trial_skip_unsupported(case_trial *trial, varlen_status status)
{
    if (status == VARLEN_ERROR_UNSUPPORTED)
        trial_skip(trial, "%s", varlen_error_message());
}

void trial_expect_ok_or_skip(case_trial *trial, varlen_status status, const char *call)
{
    trial_skip_unsupported(trial, status);
    trial_expect_ok(trial, status, call);
}
