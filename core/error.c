/* Thread-local error text, and the names of the status values. */
#include "error.h"

static _Thread_local varlen_text message;
static _Thread_local varlen_status status_since_mark;

varlen_status varlen_fail(varlen_status status, const char *format, ...)
{
    varlen_text text = {0}; /* not `message` itself: an argument may be the old message */
    va_list arguments;
    va_start(arguments, format);
    varlen_text_add_list(&text, format, arguments);
    va_end(arguments);
    message = text;
    status_since_mark = status;
    return status;
}

void varlen_error_mark(void)
{
    status_since_mark = VARLEN_OK;
}

varlen_status varlen_error_since_mark(void)
{
    return status_since_mark;
}

varlen_text varlen_error_keep(void)
{
    return message;
}

void varlen_error_restore(const varlen_text *kept)
{
    message = *kept;
}

const char *varlen_error_message(void)
{
    return message.data;
}

const char *varlen_status_name(varlen_status status)
{
    switch (status) {
    case VARLEN_OK: return "VARLEN_OK";
    case VARLEN_ERROR_INVALID_ARGUMENT: return "VARLEN_ERROR_INVALID_ARGUMENT";
    case VARLEN_ERROR_UNSUPPORTED: return "VARLEN_ERROR_UNSUPPORTED";
    case VARLEN_ERROR_BACKEND_UNAVAILABLE: return "VARLEN_ERROR_BACKEND_UNAVAILABLE";
    case VARLEN_ERROR_BAD_METADATA: return "VARLEN_ERROR_BAD_METADATA";
    case VARLEN_ERROR_OUT_OF_MEMORY: return "VARLEN_ERROR_OUT_OF_MEMORY";
    case VARLEN_ERROR_DEVICE: return "VARLEN_ERROR_DEVICE";
    case VARLEN_ERROR_INTERNAL: return "VARLEN_ERROR_INTERNAL";
    }
    return "unknown status";
}
