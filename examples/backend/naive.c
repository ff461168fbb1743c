/* A backend that is to be read: plugin varlen-naive. What it computes is in attention.c; here is what it claims, and
 * the device that it stands for, which is the host. docs/writing-a-backend.md goes through it. */
#define _POSIX_C_SOURCE 200809L
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <varlen/backend.h>

#include "attention.h"

/* Each feature by its name, so that a newer header does not claim for this file. Dropout is left out: the library
 * refuses it, and `varlen check` counts what it skips for it. */
#define FEATURES                                                                                                       \
    (VARLEN_FEATURE_SEQUSED_Q | VARLEN_FEATURE_SEQUSED_K | VARLEN_FEATURE_LEFTPAD_Q | VARLEN_FEATURE_LEFTPAD_K |       \
     VARLEN_FEATURE_ALIBI | VARLEN_FEATURE_SINKS | VARLEN_FEATURE_LSE | VARLEN_FEATURE_EXPANDED |                      \
     VARLEN_FEATURE_CAUSAL | VARLEN_FEATURE_WINDOW | VARLEN_FEATURE_TOP_LEFT | VARLEN_FEATURE_SOFTCAP |                \
     VARLEN_FEATURE_DETERMINISTIC | VARLEN_FEATURE_BATCH_INVARIANT | VARLEN_FEATURE_QUERY_POSITIONS |                  \
     VARLEN_FEATURE_KEY_STARTS)
#define DTYPES (1u << VARLEN_FLOAT32 | 1u << VARLEN_FLOAT16 | 1u << VARLEN_BFLOAT16)

static const varlen_struct_sizes struct_sizes = VARLEN_STRUCT_SIZES;
static const varlen_limits forward_limits = {.struct_size = sizeof forward_limits,
                                             .features = FEATURES | VARLEN_FEATURE_PAGED,
                                             .dtypes = DTYPES,
                                             .head_dim = 256,
                                             .value_dim = 256};
static const varlen_limits backward_limits = {.struct_size = sizeof backward_limits,
                                              .features = FEATURES | VARLEN_FEATURE_DSINKS | VARLEN_FEATURE_DLSE,
                                              .dtypes = DTYPES,
                                              .head_dim = 256,
                                              .value_dim = 256};

/* What open makes: the host that asked, to fail through. */
typedef struct device_state {
    const varlen_host *host;
} device_state;

static varlen_status no_memory(void *state, const char *what)
{
    const device_state *of = state;
    return of->host->fail(VARLEN_ERROR_OUT_OF_MEMORY, "no memory for %s", what);
}

/* ---- The device -------------------------------------------------------------------------------------------------- */

static varlen_status device_count(const varlen_host *host, int32_t *count)
{
    (void)host;
    *count = 1;
    return VARLEN_OK;
}

static varlen_status device_info(const varlen_host *host, int32_t device, varlen_device_info *info)
{
    (void)host;
    (void)device;
    strcpy(info->name, "plain loops");
    strcpy(info->architecture, "c11");
    info->compute_units = 1;
    info->dtypes = DTYPES;
    info->passes = 1u << VARLEN_PASS_FORWARD | 1u << VARLEN_PASS_BACKWARD;
    info->flags = VARLEN_DEVICE_HOST_MEMORY; /* so the library looks at cu_seqlens and the like before each call */
    return VARLEN_OK;
}

static varlen_status open_device(const varlen_backend_open *options, void **state)
{
    device_state *made = malloc(sizeof *made);
    if (!made)
        return options->host->fail(VARLEN_ERROR_OUT_OF_MEMORY, "no memory for a context");
    made->host = options->host;
    *state = made;
    return VARLEN_OK;
}

/* ---- Attention --------------------------------------------------------------------------------------------------- */

/* The limits say it all. What they could not say would be refused here: "softcap with head_dim = 96". */
static varlen_status supports(void *state, const varlen_attention *attention, varlen_pass pass)
{
    (void)state;
    (void)attention;
    (void)pass;
    return VARLEN_OK;
}

static varlen_status workspace_size(void *state, const varlen_attention *attention, varlen_pass pass, size_t *size)
{
    (void)state;
    (void)attention;
    (void)pass;
    *size = 0;
    return VARLEN_OK;
}

static varlen_status forward(void *state, varlen_stream stream, const varlen_attention *attention,
                             const varlen_forward_args *args)
{
    (void)state;
    (void)stream;
    attention_forward(attention, args);
    return VARLEN_OK;
}

static varlen_status backward(void *state, varlen_stream stream, const varlen_attention *attention,
                              const varlen_backward_args *args)
{
    (void)state;
    (void)stream;
    attention_backward(attention, args);
    return VARLEN_OK;
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

static varlen_status allocate(void *state, size_t size, void **data)
{
    return posix_memalign(data, 256, size) == 0 ? VARLEN_OK : no_memory(state, "data");
}

static varlen_status release(void *state, void *data)
{
    (void)state;
    free(data);
    return VARLEN_OK;
}

static varlen_status copy(void *state, varlen_stream stream, void *destination, const void *source, size_t size)
{
    (void)state;
    (void)stream;
    memcpy(destination, source, size);
    return VARLEN_OK;
}

static varlen_status fill(void *state, varlen_stream stream, void *destination, uint8_t value, size_t size)
{
    (void)state;
    (void)stream;
    memset(destination, value, size);
    return VARLEN_OK;
}

/* ---- Streams and events: a call has finished when it returns ----------------------------------------------------- */

static varlen_status stream_create(void *state, varlen_stream *stream)
{
    *stream = malloc(1); /* an address of its own */
    return *stream ? VARLEN_OK : no_memory(state, "a stream");
}

static varlen_status stream_destroy(void *state, varlen_stream stream)
{
    return release(state, stream);
}

static varlen_status stream_synchronize(void *state, varlen_stream stream)
{
    (void)state;
    (void)stream;
    return VARLEN_OK;
}

/* An event is the time of its last recording, in nanoseconds; 0 before the first. */
static varlen_status event_create(void *state, varlen_event *event)
{
    *event = calloc(1, sizeof(_Atomic int64_t));
    return *event ? VARLEN_OK : no_memory(state, "an event");
}

static varlen_status event_destroy(void *state, varlen_event event)
{
    return release(state, event);
}

static varlen_status event_record(void *state, varlen_event event, varlen_stream stream)
{
    (void)state;
    (void)stream;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    atomic_store((_Atomic int64_t *)event, now.tv_sec * INT64_C(1000000000) + now.tv_nsec);
    return VARLEN_OK;
}

static varlen_status event_synchronize(void *state, varlen_event event)
{
    (void)state;
    (void)event;
    return VARLEN_OK;
}

static varlen_status stream_wait(void *state, varlen_stream stream, varlen_event event)
{
    (void)stream;
    return event_synchronize(state, event);
}

static varlen_status event_elapsed(void *state, varlen_event start, varlen_event end, double *milliseconds)
{
    const device_state *of = state;
    const int64_t from = atomic_load((_Atomic int64_t *)start), to = atomic_load((_Atomic int64_t *)end);
    if (!from || !to)
        return of->host->fail(VARLEN_ERROR_INVALID_ARGUMENT, "%s has not been recorded", from ? "end" : "start");
    *milliseconds = (double)(to - from) * 1e-6;
    return VARLEN_OK;
}

/* ---- The table --------------------------------------------------------------------------------------------------- */

/* merge, cu_seqlens, pack, unpack and kv_append are NULL: unsupported. */
static const varlen_backend backend = {
    .abi_version = VARLEN_BACKEND_ABI_VERSION,
    .priority = -1, /* below the CPU backend: `auto` does not take it where there is another */
    .struct_size = sizeof backend,
    .name = "naive",
    .description = "plain loops, to be read",
    .struct_sizes = &struct_sizes,
    .forward_limits = &forward_limits,
    .backward_limits = &backward_limits,
    .device_count = device_count,
    .device_info = device_info,
    .open = open_device,
    .close = free,
    .supports = supports,
    .workspace_size = workspace_size,
    .forward = forward,
    .backward = backward,
    .alloc = allocate,
    .free = release,
    .copy = copy,
    .fill = fill,
    .stream_create = stream_create,
    .stream_destroy = stream_destroy,
    .stream_synchronize = stream_synchronize,
    .stream_wait = stream_wait,
    .event_create = event_create,
    .event_destroy = event_destroy,
    .event_record = event_record,
    .event_synchronize = event_synchronize,
    .event_elapsed = event_elapsed,
};

const varlen_backend *varlen_backend_entry(const varlen_host *host)
{
    if (host->abi_version >> 16 != VARLEN_BACKEND_ABI_MAJOR) {
        host->fail(VARLEN_ERROR_BACKEND_UNAVAILABLE, "built for plugin ABI %u, not %u", VARLEN_BACKEND_ABI_MAJOR,
                   host->abi_version >> 16);
        return NULL;
    }
    return &backend;
}
