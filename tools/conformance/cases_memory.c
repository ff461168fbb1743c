/* Cases of device memory, streams and events. */
#include "case.h"
#include "session.h"

#include <string.h>

enum { SIZE = 1000 };

typedef struct memory_case {
    case_head head;
    void (*run)(case_trial *trial);
} memory_case;

static unsigned char *take(device_session *session, size_t size)
{
    unsigned char *data = session_take(session, size);
    if (!data)
        trial_fail(session->trial, "varlen_alloc: %s", varlen_error_message());
    return data;
}

static void expect_bytes(case_trial *trial, const unsigned char *bytes, int64_t first, int64_t end, int value)
{
    for (int64_t n = first; n < end; n++)
        if (bytes[n] != value)
            trial_fail(trial, "byte %lld is 0x%02x, not 0x%02x", (long long)n, bytes[n], value);
}

static void run_alloc(case_trial *trial)
{
    device_session *session = session_begin(trial);
    for (size_t size = 1; size < 100000; size *= 7) {
        unsigned char *data = take(session, size);
        if ((uintptr_t)data % 256 != 0)
            trial_fail(trial, "varlen_alloc gave %p, which is not aligned to 256 bytes", (void *)data);
    }
}

static void run_alloc_nothing(case_trial *trial)
{
    device_session *session = session_begin(trial);
    void *data = trial;
    trial_expect_ok(trial, varlen_alloc(session->context, 0, &data), "varlen_alloc");
    if (data)
        trial_fail(trial, "varlen_alloc of 0 bytes gave %p", data);
    trial_expect_ok(trial, varlen_free(session->context, NULL), "varlen_free");
}

/* Bytes 100 .. 299 of filled memory. */
static void run_fill(case_trial *trial)
{
    device_session *session = session_begin(trial);
    unsigned char *data = take(session, SIZE), *seen = TRIAL_TAKE(trial, SIZE, unsigned char);
    session_fill(session, data, 0x11, SIZE);
    session_fill(session, data + 100, 0xEE, 200);
    session_fill(session, data + 500, 0xEE, 0);
    session_copy(session, seen, data, SIZE);
    session_finish(session);
    expect_bytes(trial, seen, 0, 100, 0x11);
    expect_bytes(trial, seen, 100, 300, 0xEE);
    expect_bytes(trial, seen, 300, SIZE, 0x11);
}

/* From the host to the device, within the device, and back. */
static void run_copy(case_trial *trial)
{
    device_session *session = session_begin(trial);
    unsigned char *first = take(session, SIZE), *second = take(session, SIZE);
    unsigned char *given = TRIAL_TAKE(trial, SIZE, unsigned char), *seen = TRIAL_TAKE(trial, SIZE, unsigned char);
    for (int n = 0; n < SIZE; n++)
        given[n] = (unsigned char)(n * 7);
    session_copy(session, first, given, SIZE);
    session_copy(session, second + 1, first + 1, SIZE - 1);
    session_copy(session, second, given, 1);
    session_copy(session, seen, second, SIZE);
    session_finish(session);
    if (memcmp(seen, given, SIZE) != 0)
        trial_fail(trial, "bytes came back changed");
}

static void run_events(case_trial *trial)
{
    device_session *session = session_begin(trial), *other = session_begin(trial);
    varlen_event start, end;
    double milliseconds = -1;
    unsigned char *data = take(session, SIZE), *seen = TRIAL_TAKE(trial, SIZE, unsigned char);
    trial_expect_ok(trial, varlen_event_create(session->context, &start), "varlen_event_create");
    trial_expect_ok(trial, varlen_event_create(session->context, &end), "varlen_event_create");
    trial_expect_ok(trial, varlen_event_record(session->context, start, session->stream), "varlen_event_record");
    session_fill(session, data, 0x5C, SIZE);
    trial_expect_ok(trial, varlen_event_record(session->context, end, session->stream), "varlen_event_record");
    trial_expect_ok(trial, varlen_stream_wait(session->context, other->stream, end), "varlen_stream_wait");
    session_copy(other, seen, data, SIZE);
    session_finish(other);
    expect_bytes(trial, seen, 0, SIZE, 0x5C);
    trial_expect_ok(trial, varlen_event_synchronize(session->context, end), "varlen_event_synchronize");
    trial_expect_ok(trial, varlen_event_elapsed(session->context, start, end, &milliseconds), "varlen_event_elapsed");
    if (!(milliseconds >= 0))
        trial_fail(trial, "varlen_event_elapsed gave %g ms", milliseconds);
    trial_expect_ok(trial, varlen_event_destroy(session->context, start), "varlen_event_destroy");
    trial_expect_ok(trial, varlen_event_destroy(session->context, end), "varlen_event_destroy");
}

static void run_case(case_trial *trial, const void *row)
{
    ((const memory_case *)row)->run(trial);
}

/* clang-format off */
static const memory_case rows[] = {
    {.head.name = "alloc", .run = run_alloc},
    {.head.name = "none", .run = run_alloc_nothing},
    {.head.name = "fill", .run = run_fill},
    {.head.name = "copy", .run = run_copy},
    {.head.name = "events", .run = run_events},
};
/* clang-format on */

const case_suite suite_memory = {
    .name = "around/memory",
    .one_dtype = true,
    CASE_ROWS(rows),
    .run = run_case,
};
