/* A context, a stream and device memory; see session.h. */
#include "session.h"

#include <stdio.h>

struct device_allocation {
    void *data;
    device_allocation *older;
};

static device_session *add(case_trial *trial, varlen_context *context)
{
    device_session *session = TRIAL_TAKE(trial, 1, device_session);
    session->trial = trial;
    session->context = context;
    session->older = trial->sessions;
    trial->sessions = session;
    trial_expect_ok(trial, varlen_stream_create(context, &session->stream), "varlen_stream_create");
    return session;
}

device_session *session_begin(case_trial *trial)
{
    return add(trial, trial->context);
}

device_session *session_open(case_trial *trial, int32_t threads)
{
    char backend[32];
    snprintf(backend, sizeof backend, "%s:%d", trial->device.backend, (int)trial->device.device);
    varlen_open_options options = {.struct_size = sizeof options, .backend = backend, .threads = threads};
    varlen_context *context;
    trial_expect_ok(trial, varlen_open(&options, &context), "varlen_open");
    return add(trial, context);
}

void *session_take(device_session *session, size_t size)
{
    device_allocation *allocation = TRIAL_TAKE(session->trial, 1, device_allocation);
    if (varlen_alloc(session->context, size, &allocation->data) != VARLEN_OK)
        return NULL;
    allocation->older = session->newest;
    session->newest = allocation;
    return allocation->data;
}

void session_fill(device_session *session, void *destination, uint8_t value, size_t size)
{
    trial_expect_ok(session->trial, varlen_fill(session->context, session->stream, destination, value, size),
                    "varlen_fill");
}

void session_copy(device_session *session, void *destination, const void *source, size_t size)
{
    trial_expect_ok(session->trial, varlen_copy(session->context, session->stream, destination, source, size),
                    "varlen_copy");
}

void session_finish(device_session *session)
{
    trial_expect_ok(session->trial, varlen_stream_synchronize(session->context, session->stream),
                    "varlen_stream_synchronize");
    trial_expect_ok(session->trial, varlen_context_status(session->context), "varlen_context_status");
}

static void close_session(case_trial *trial, device_session *session)
{
    varlen_stream_synchronize(session->context, session->stream);
    for (device_allocation *allocation = session->newest; allocation; allocation = allocation->older)
        varlen_free(session->context, allocation->data);
    if (session->stream)
        varlen_stream_destroy(session->context, session->stream);
    if (session->context != trial->context)
        varlen_close(session->context);
}

void sessions_close(case_trial *trial)
{
    while (trial->sessions) {
        device_session *session = trial->sessions;
        trial->sessions = session->older;
        close_session(trial, session);
    }
}
