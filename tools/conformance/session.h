/* A context, a stream on it, and the device memory that a case takes there. All of it goes when the case ends. */
#ifndef VARLEN_TESTS_SESSION_H
#define VARLEN_TESTS_SESSION_H

#include "trial.h"

typedef struct device_allocation device_allocation;

struct device_session {
    case_trial *trial;
    varlen_context *context;
    varlen_stream stream;
    device_allocation *newest;
    device_session *older;
};

/* On the context that the case was given. */
device_session *session_begin(case_trial *trial);

/* On a context of its own, of the same device, that may use `threads` threads. */
device_session *session_open(case_trial *trial, int32_t threads);

/* Device memory; NULL if the device has not enough. */
void *session_take(device_session *session, size_t size);

void session_fill(device_session *session, void *destination, uint8_t value, size_t size);
void session_copy(device_session *session, void *destination, const void *source, size_t size);

/* Waits for the stream, and fails the case if the device found fault with the metadata of its calls. */
void session_finish(device_session *session);

void sessions_close(case_trial *trial);

#endif
