/* Thread-local error text, and the names of the status values. */
#include "error.h"

#include <stdlib.h>

#include "os_thread.h"

/* The thread's number: its status since the mark, and whether there was no memory to keep the message. */
enum { STATUS_SINCE_MARK = 0xff, MESSAGE_IS_LOST = 0x100 };

static const char lost_message[] = "there is no memory to keep the reason";

/* Made when a thread first opens a context or fails. NULL without memory. */
static varlen_text *make_message(void)
{
    varlen_text *message = varlen_os_thread_memory();
    if (message)
        return message;
    message = calloc(1, sizeof *message);
    if (message && !varlen_os_set_thread_memory(message)) {
        free(message);
        return NULL;
    }
    return message;
}

bool varlen_error_prepare(void)
{
    return make_message() != NULL;
}

varlen_status varlen_fail(varlen_status status, const char *format, ...)
{
    varlen_text text = {0}; /* not the message itself: an argument may be the old one */
    va_list arguments;
    va_start(arguments, format);
    varlen_text_add_list(&text, format, arguments);
    va_end(arguments);
    varlen_text *message = make_message();
    if (message)
        *message = text;
    varlen_os_set_thread_number((status & STATUS_SINCE_MARK) | (message ? 0 : MESSAGE_IS_LOST));
    return status;
}

void varlen_error_mark(void)
{
    varlen_os_set_thread_number(varlen_os_thread_number() & MESSAGE_IS_LOST);
}

varlen_status varlen_error_since_mark(void)
{
    return (varlen_status)(varlen_os_thread_number() & STATUS_SINCE_MARK);
}

varlen_text varlen_error_keep(void)
{
    varlen_text kept = {0};
    const char *message = varlen_error_message();
    if (message[0])
        varlen_text_add(&kept, "%s", message);
    return kept;
}

void varlen_error_restore(const varlen_text *kept)
{
    varlen_text *message = kept->length ? make_message() : varlen_os_thread_memory();
    if (message)
        *message = *kept;
    if (message || !kept->length)
        varlen_os_set_thread_number(varlen_os_thread_number() & STATUS_SINCE_MARK);
}

const char *varlen_error_message(void)
{
    const varlen_text *message = varlen_os_thread_memory();
    if (varlen_os_thread_number() & MESSAGE_IS_LOST)
        return lost_message;
    return message ? message->data : "";
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
