/* Device memory, streams and events. They work, and are needed, whatever attention has found in its metadata: none of
 * them tells a pending violation. */
#include "context.h"
#include "float_state.h"
#include "rule.h"

varlen_status varlen_alloc(varlen_context *context, size_t size, void **data)
{
    VARLEN_RULE(data, INVALID_ARGUMENT, "data is NULL");
    *data = NULL;
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    if (size == 0)
        return VARLEN_OK;
    const varlen_status status = VARLEN_CALL_BACKEND(context, alloc, size, data);
    if (status != VARLEN_OK)
        *data = NULL;
    return status;
}

varlen_status varlen_free(varlen_context *context, void *data)
{
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    return data ? VARLEN_CALL_BACKEND(context, free, data) : VARLEN_OK;
}

varlen_status varlen_copy(varlen_context *context, varlen_stream stream, void *destination, const void *source,
                          size_t size)
{
    const uintptr_t from = (uintptr_t)source;
    const uintptr_t to = (uintptr_t)destination;
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    if (size == 0)
        return VARLEN_OK;
    VARLEN_RULE(destination, INVALID_ARGUMENT, "destination is NULL, but size = %zu", size);
    VARLEN_RULE(source, INVALID_ARGUMENT, "source is NULL, but size = %zu", size);
    /* Copies run from any end. The difference cannot wrap, where the ends could. */
    VARLEN_RULE(from < to ? to - from >= size : from - to >= size, INVALID_ARGUMENT,
                "destination = %p and source = %p overlap: size = %zu", destination, source, size);
    return VARLEN_CALL_BACKEND(context, copy, stream, destination, source, size);
}

varlen_status varlen_fill(varlen_context *context, varlen_stream stream, void *destination, uint8_t value, size_t size)
{
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    if (size == 0)
        return VARLEN_OK;
    VARLEN_RULE(destination, INVALID_ARGUMENT, "destination is NULL, but size = %zu", size);
    return VARLEN_CALL_BACKEND(context, fill, stream, destination, value, size);
}

varlen_status varlen_stream_create(varlen_context *context, varlen_stream *stream)
{
    VARLEN_RULE(stream, INVALID_ARGUMENT, "stream is NULL");
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    return VARLEN_CALL_BACKEND(context, stream_create, stream);
}

varlen_status varlen_stream_destroy(varlen_context *context, varlen_stream stream)
{
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    return VARLEN_CALL_BACKEND(context, stream_destroy, stream);
}

varlen_status varlen_stream_synchronize(varlen_context *context, varlen_stream stream)
{
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    return VARLEN_CALL_BACKEND(context, stream_synchronize, stream);
}

varlen_status varlen_stream_wait(varlen_context *context, varlen_stream stream, varlen_event event)
{
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    VARLEN_RULE(event, INVALID_ARGUMENT, "event is NULL");
    return VARLEN_CALL_BACKEND(context, stream_wait, stream, event);
}

varlen_status varlen_event_create(varlen_context *context, varlen_event *event)
{
    VARLEN_RULE(event, INVALID_ARGUMENT, "event is NULL");
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    return VARLEN_CALL_BACKEND(context, event_create, event);
}

varlen_status varlen_event_destroy(varlen_context *context, varlen_event event)
{
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    VARLEN_RULE(event, INVALID_ARGUMENT, "event is NULL");
    return VARLEN_CALL_BACKEND(context, event_destroy, event);
}

varlen_status varlen_event_record(varlen_context *context, varlen_event event, varlen_stream stream)
{
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    VARLEN_RULE(event, INVALID_ARGUMENT, "event is NULL");
    return VARLEN_CALL_BACKEND(context, event_record, event, stream);
}

varlen_status varlen_event_synchronize(varlen_context *context, varlen_event event)
{
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    VARLEN_RULE(event, INVALID_ARGUMENT, "event is NULL");
    return VARLEN_CALL_BACKEND(context, event_synchronize, event);
}

varlen_status varlen_event_elapsed(varlen_context *context, varlen_event start, varlen_event end, double *milliseconds)
{
    VARLEN_DEFAULT_FLOAT_STATE;
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    VARLEN_RULE(start, INVALID_ARGUMENT, "start is NULL");
    VARLEN_RULE(end, INVALID_ARGUMENT, "end is NULL");
    VARLEN_RULE(milliseconds, INVALID_ARGUMENT, "milliseconds is NULL");
    return VARLEN_CALL_BACKEND(context, event_elapsed, start, end, milliseconds);
}
