#include "host/memory.h"

#include "host/state.h"

/* The state's device. */
static int32_t device_of(const void *state)
{
    return ((const gpu_state *)state)->device;
}

varlen_status gpu_alloc(void *state, size_t size, void **data)
{
    return on_device(device_of(state), [&] { return runtime_alloc(size, data); });
}

varlen_status gpu_free(void *state, void *data)
{
    return on_device(device_of(state), [&] { return runtime_free(data); });
}

varlen_status gpu_copy(void *state, varlen_stream stream, void *destination, const void *source, size_t size)
{
    return on_device(device_of(state), [&] { return runtime_copy(stream, destination, source, size); });
}

varlen_status gpu_fill(void *state, varlen_stream stream, void *destination, uint8_t value, size_t size)
{
    return on_device(device_of(state), [&] { return runtime_fill(stream, destination, value, size); });
}

varlen_status gpu_stream_create(void *state, varlen_stream *stream)
{
    return on_device(device_of(state), [&] { return runtime_stream_create(stream); });
}

varlen_status gpu_stream_destroy(void *state, varlen_stream stream)
{
    return on_device(device_of(state), [&] { return runtime_stream_destroy(stream); });
}

varlen_status gpu_stream_synchronize(void *state, varlen_stream stream)
{
    return on_device(device_of(state), [&] { return runtime_stream_synchronize(stream); });
}

varlen_status gpu_stream_wait(void *state, varlen_stream stream, varlen_event event)
{
    return on_device(device_of(state), [&] { return runtime_stream_wait(stream, event); });
}

varlen_status gpu_event_create(void *state, varlen_event *event)
{
    return on_device(device_of(state), [&] { return runtime_event_create(event); });
}

varlen_status gpu_event_destroy(void *state, varlen_event event)
{
    return on_device(device_of(state), [&] { return runtime_event_destroy(event); });
}

varlen_status gpu_event_record(void *state, varlen_event event, varlen_stream stream)
{
    return on_device(device_of(state), [&] { return runtime_event_record(event, stream); });
}

varlen_status gpu_event_synchronize(void *state, varlen_event event)
{
    return on_device(device_of(state), [&] { return runtime_event_synchronize(event); });
}

varlen_status gpu_event_elapsed(void *state, varlen_event start, varlen_event end, double *milliseconds)
{
    return on_device(device_of(state), [&] { return runtime_event_elapsed(start, end, milliseconds); });
}
