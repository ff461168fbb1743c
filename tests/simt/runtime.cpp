/* One device, whose memory is the host's. Everything has been done when a call returns, so streams have nothing to
 * order. */
#include "platform/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const runtime_backend runtime_identity = {"simt", "GPU kernels, run thread by thread on the CPU (for tests)", -100};

/* Few, so that blocks of small problems take more than one item. SIMT_PROCESSORS sets another number. */
static int32_t processors()
{
    const char *text = getenv("SIMT_PROCESSORS");
    const int32_t number = text ? atoi(text) : 3;
    return number > 0 ? number : 1;
}

varlen_status runtime_device_count(int32_t *count)
{
    *count = 1;
    return VARLEN_OK;
}

varlen_status runtime_describe(int32_t, runtime_device *description)
{
    *description = {};
    snprintf(description->name, sizeof description->name, "fibers");
    snprintf(description->code, sizeof description->code, "simt");
    description->processors = processors();
    description->architecture = &GPU_ARCHITECTURES[0];
    return VARLEN_OK;
}

varlen_status runtime_get_device(int32_t *device)
{
    *device = 0;
    return VARLEN_OK;
}

varlen_status runtime_set_device(int32_t)
{
    return VARLEN_OK;
}

varlen_status runtime_prepare(const gpu_architecture **)
{
    return VARLEN_OK;
}

varlen_status runtime_synchronize(void)
{
    return VARLEN_OK;
}

varlen_status runtime_alloc(size_t size, void **data)
{
    *data = nullptr;
    if (posix_memalign(data, 256, size) == 0)
        return VARLEN_OK;
    *data = nullptr;
    return gpu_host->fail(VARLEN_ERROR_OUT_OF_MEMORY, "there are no %zu bytes of memory", size);
}

varlen_status runtime_free(void *data)
{
    free(data);
    return VARLEN_OK;
}

varlen_status runtime_alloc_host(size_t size, void **data)
{
    return runtime_alloc(size, data);
}

varlen_status runtime_free_host(void *data)
{
    return runtime_free(data);
}

varlen_status runtime_copy(varlen_stream, void *destination, const void *source, size_t size)
{
    memcpy(destination, source, size);
    return VARLEN_OK;
}

varlen_status runtime_fill(varlen_stream, void *destination, uint8_t value, size_t size)
{
    memset(destination, value, size);
    return VARLEN_OK;
}

varlen_status runtime_stream_create(varlen_stream *stream)
{
    *stream = malloc(1);
    return *stream ? VARLEN_OK : gpu_host->fail(VARLEN_ERROR_OUT_OF_MEMORY, "no memory for a stream");
}

varlen_status runtime_stream_destroy(varlen_stream stream)
{
    free(stream);
    return VARLEN_OK;
}

varlen_status runtime_stream_synchronize(varlen_stream)
{
    return VARLEN_OK;
}

varlen_status runtime_stream_wait(varlen_stream, varlen_event)
{
    return VARLEN_OK;
}

struct varlen_event_object {
    double milliseconds;
    bool recorded;
};

varlen_status runtime_event_create(varlen_event *event)
{
    *event = new varlen_event_object();
    return VARLEN_OK;
}

varlen_status runtime_event_destroy(varlen_event event)
{
    delete event;
    return VARLEN_OK;
}

varlen_status runtime_event_record(varlen_event event, varlen_stream)
{
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    event->milliseconds = (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
    event->recorded = true;
    return VARLEN_OK;
}

varlen_status runtime_event_synchronize(varlen_event)
{
    return VARLEN_OK;
}

varlen_status runtime_event_elapsed(varlen_event start, varlen_event end, double *milliseconds)
{
    if (!start->recorded || !end->recorded)
        return gpu_host->fail(VARLEN_ERROR_INVALID_ARGUMENT, "the event has not been recorded");
    *milliseconds = end->milliseconds - start->milliseconds;
    return VARLEN_OK;
}
