/* One device of one backend, as calls see it. */
#ifndef VARLEN_CORE_CONTEXT_H
#define VARLEN_CORE_CONTEXT_H

#include <stdbool.h>

#include "devices.h"
#include "error.h"
#include "pending_violation.h"

/* Nothing in it changes between varlen_open and varlen_close but for what is pending, which has a lock of its own:
 * calls from any number of threads need no other. */
struct varlen_context {
    const varlen_backend *backend;
    void *state; /* the backend's */
    varlen_device_info device;
    bool inspects_metadata; /* in host memory, before each call: VARLEN_VALIDATE and VARLEN_DEVICE_HOST_MEMORY */
    varlen_pending_violation pending;
};

/* How attention and the calls around it begin: the context is there, and what the device has found so far is logged. */
varlen_status varlen_begin_call(varlen_context *context);

/* Fails with VARLEN_ERROR_UNSUPPORTED unless `has_function`: for the backend's optional functions. `name` is that of
 * the public function. */
varlen_status varlen_require_function(const varlen_context *context, bool has_function, const char *name);

/* Calls a function of the context's backend, whose first parameter is the state, and sees to it that a failure has a
 * reason. A macro, because the functions differ in their parameters. */
#define VARLEN_CALL_BACKEND(context, function, ...)                                                                    \
    (varlen_error_mark(), varlen_backend_result((context)->backend, #function,                                         \
                                                (context)->backend->function((context)->state, __VA_ARGS__)))

#endif
