#include "memory.h"

#include "state.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ALIGNMENT = 256 };

varlen_status cpu_alloc(void *state, size_t size, void **data)
{
    if (posix_memalign(data, ALIGNMENT, size) == 0)
        return VARLEN_OK;
    *data = NULL;
    return cpu_host(state)->fail(VARLEN_ERROR_OUT_OF_MEMORY, "no memory for %zu bytes", size);
}

varlen_status cpu_free(void *state, void *data)
{
    (void)state;
    free(data);
    return VARLEN_OK;
}

varlen_status cpu_copy(void *state, varlen_stream stream, void *destination, const void *source, size_t size)
{
    (void)state;
    (void)stream;
    memcpy(destination, source, size);
    return VARLEN_OK;
}

varlen_status cpu_fill(void *state, varlen_stream stream, void *destination, uint8_t value, size_t size)
{
    (void)state;
    (void)stream;
    memset(destination, value, size);
    return VARLEN_OK;
}

/* A stream has no state; its handle only has to be one. */
varlen_status cpu_stream_create(void *state, varlen_stream *stream)
{
    *stream = malloc(1);
    return *stream ? VARLEN_OK : cpu_host(state)->fail(VARLEN_ERROR_OUT_OF_MEMORY, "no memory for a stream");
}

varlen_status cpu_stream_destroy(void *state, varlen_stream stream)
{
    (void)state;
    free(stream);
    return VARLEN_OK;
}

varlen_status cpu_stream_synchronize(void *state, varlen_stream stream)
{
    (void)state;
    (void)stream;
    return VARLEN_OK;
}

varlen_status cpu_stream_wait(void *state, varlen_stream stream, varlen_event event)
{
    (void)state;
    (void)stream;
    (void)event;
    return VARLEN_OK;
}

/* Events may be recorded and read by several threads at once. */
struct varlen_event_object {
    _Atomic int64_t time; /* nanoseconds of CLOCK_MONOTONIC; 0: not recorded */
};

varlen_status cpu_event_create(void *state, varlen_event *event)
{
    *event = calloc(1, sizeof **event);
    return *event ? VARLEN_OK : cpu_host(state)->fail(VARLEN_ERROR_OUT_OF_MEMORY, "no memory for an event");
}

varlen_status cpu_event_destroy(void *state, varlen_event event)
{
    (void)state;
    free(event);
    return VARLEN_OK;
}

varlen_status cpu_event_record(void *state, varlen_event event, varlen_stream stream)
{
    (void)state;
    (void)stream;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    atomic_store(&event->time, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
    return VARLEN_OK;
}

varlen_status cpu_event_synchronize(void *state, varlen_event event)
{
    (void)state;
    (void)event;
    return VARLEN_OK;
}

varlen_status cpu_event_elapsed(void *state, varlen_event start, varlen_event end, double *milliseconds)
{
    int64_t start_time = atomic_load(&start->time);
    int64_t end_time = atomic_load(&end->time);
    if (!start_time || !end_time)
        return cpu_host(state)->fail(VARLEN_ERROR_INVALID_ARGUMENT, "%s has not been recorded",
                                     start_time ? "end" : "start");
    *milliseconds = (double)(end_time - start_time) * 1e-6;
    return VARLEN_OK;
}
