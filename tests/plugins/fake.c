/* A backend that computes nothing and records what it is asked. Definitions given by the build make variants of it. */
#include "fake.h"

#include <stdlib.h>
#include <string.h>

#ifndef FAKE_ABI_MAJOR
#define FAKE_ABI_MAJOR VARLEN_BACKEND_ABI_MAJOR
#endif
#ifndef FAKE_ABI_MINOR
#define FAKE_ABI_MINOR VARLEN_BACKEND_ABI_MINOR
#endif
#ifndef FAKE_PRIORITY
#define FAKE_PRIORITY 10
#endif
#ifndef FAKE_DEVICES
#define FAKE_DEVICES 2
#endif
#ifndef FAKE_OPEN
#define FAKE_OPEN fake_open
#endif
#ifndef FAKE_LATER_FUNCTIONS
#define FAKE_LATER_FUNCTIONS 0
#endif
#ifndef FAKE_DESCRIPTION
#define FAKE_DESCRIPTION "does nothing"
#endif
#ifndef FAKE_FEATURES
#define FAKE_FEATURES (((uint64_t)VARLEN_FEATURE_CHUNK << 1) - 1)
#endif
#ifndef FAKE_DTYPES
#define FAKE_DTYPES (1u << VARLEN_FLOAT32 | 1u << VARLEN_FLOAT16 | 1u << VARLEN_BFLOAT16)
#endif
#ifndef FAKE_LIMITS
#define FAKE_LIMITS &limits
#endif
#ifndef FAKE_STRUCT_SIZES
#define FAKE_STRUCT_SIZES &struct_sizes
#endif
#ifndef FAKE_STRUCT_SIZE
#define FAKE_STRUCT_SIZE (sizeof(varlen_backend) + FAKE_LATER_FUNCTIONS * sizeof(void *))
#endif

typedef struct fake_state {
    const varlen_host *host;
    bool has_recorded; /* an event */
} fake_state;

static _Thread_local fake_record record = {.device_flags = VARLEN_DEVICE_HOST_MEMORY};

fake_record *fake_record_of_thread(void)
{
    return &record;
}

/* A struct that begins with its size, and that FAKE_LATER's header ends with a field which no older library sets. */
static void see(const void *given, size_t own)
{
    size_t size;
    uint64_t last = 0;
    memcpy(&size, given, sizeof size);
#ifdef FAKE_LATER
    if (size == own)
        memcpy(&last, (const char *)given + own - sizeof last, sizeof last);
#endif
    record.misfits += size != own || last != 0;
}

static varlen_status answer(const varlen_host *host)
{
    if (record.result == VARLEN_OK || record.is_silent)
        return record.result;
    return host->fail(record.result, "the fake backend was told to fail");
}

static varlen_status answer_call(const fake_state *state)
{
    record.calls++;
    return answer(state->host);
}

static varlen_status fake_device_count(const varlen_host *host, int32_t *count)
{
    *count = record.device_count ? record.device_count : FAKE_DEVICES;
    if (record.devices != VARLEN_OK)
        return host->fail(record.devices, "the fake device does not answer");
    return FAKE_DEVICES > 0 ? VARLEN_OK : host->fail(VARLEN_ERROR_BACKEND_UNAVAILABLE, "no fake device is plugged in");
}

static varlen_status fake_device_info(const varlen_host *host, int32_t device, varlen_device_info *info)
{
    (void)host;
    see(info, sizeof *info);
    strcpy(info->name, "fake device");
    strcpy(info->architecture, device == 0 ? "first" : "second");
    if (record.device_name) {
        memcpy(info->name, record.device_name, sizeof info->name);
        memcpy(info->architecture, record.device_name, sizeof info->architecture);
    }
    info->compute_units = 1;
    info->dtypes = (FAKE_DTYPES | 1u << 31) & ~record.missing_dtypes; /* one more than the table claims */
    info->flags = record.device_flags;
    return VARLEN_OK;
}

__attribute__((unused)) static varlen_status fake_open(const varlen_backend_open *options, void **state)
{
    see(options, sizeof *options);
    record.open = *options;
    *state = NULL;
    if (record.result != VARLEN_OK)
        return answer(options->host);
    fake_state *made = malloc(sizeof *made); /* a leak checker sees states that are not closed */
    if (!made)
        return options->host->fail(VARLEN_ERROR_OUT_OF_MEMORY, "no memory for a state");
    *made = (fake_state){.host = options->host};
    *state = made;
    record.opens++;
    return VARLEN_OK;
}

static void fake_close(void *state)
{
    record.closes++;
    free(state);
}

static varlen_status fake_supports(void *state, const varlen_attention *attention, varlen_pass pass)
{
    (void)pass;
    see(attention, sizeof *attention);
    record.attention = *attention;
    return answer(((const fake_state *)state)->host);
}

static varlen_status fake_workspace_size(void *state, const varlen_attention *attention, varlen_pass pass, size_t *size)
{
    (void)state;
    (void)pass;
    see(attention, sizeof *attention);
    *size = record.workspace_size;
    return VARLEN_OK;
}

static varlen_status fake_forward(void *state, varlen_stream stream, const varlen_attention *attention,
                                  const varlen_forward_args *args)
{
    (void)stream;
    see(attention, sizeof *attention);
    see(args->inputs, sizeof *args->inputs);
    see(args, sizeof *args);
    record.attention = *attention;
    record.inputs = *args->inputs;
    record.forward = *args;
    return answer_call(state);
}

#ifndef FAKE_BARE

static int32_t fake_kernel_families(void *state, int32_t index, varlen_kernel_family *family)
{
    (void)state;
    if (index >= 0 && index < record.family_count) {
        family->name = record.family_name;
        family->pass = VARLEN_PASS_BACKWARD;
        family->calls = 10 + (uint64_t)index;
    }
    return record.family_count;
}

static varlen_status fake_take_violation(void *state, varlen_violation *violation)
{
    (void)state;
    *violation = record.pending;
    record.pending.rule = VARLEN_VIOLATION_NONE;
    return VARLEN_OK;
}

static varlen_status fake_backward(void *state, varlen_stream stream, const varlen_attention *attention,
                                   const varlen_backward_args *args)
{
    (void)stream;
    see(attention, sizeof *attention);
    see(args->inputs, sizeof *args->inputs);
    see(args, sizeof *args);
    record.attention = *attention;
    record.inputs = *args->inputs;
    record.backward = *args;
    return answer_call(state);
}

static varlen_status fake_explain(void *state, const varlen_attention *attention, varlen_pass pass, char *text,
                                  size_t size)
{
    (void)pass;
    see(attention, sizeof *attention);
    strncpy(text, record.explanation, size); /* without an end, where it does not fit */
    return answer(((const fake_state *)state)->host);
}

static varlen_status fake_merge(void *state, varlen_stream stream, const varlen_merge_args *args)
{
    (void)stream;
    see(args, sizeof *args);
    record.merge = *args;
    return answer_call(state);
}

static varlen_status fake_cu_seqlens(void *state, varlen_stream stream, int32_t batch, const int32_t *lengths,
                                     int32_t *cu_seqlens)
{
    (void)stream;
    (void)batch;
    (void)lengths;
    (void)cu_seqlens;
    return answer_call(state);
}

static varlen_status fake_pack(void *state, varlen_stream stream, const varlen_pack_args *args)
{
    (void)stream;
    see(args, sizeof *args);
    record.pack = *args;
    return answer_call(state);
}

static varlen_status fake_kv_append(void *state, varlen_stream stream, const varlen_kv_append_args *args)
{
    (void)stream;
    see(args, sizeof *args);
    record.kv_append = *args;
    return answer_call(state);
}

#endif

static varlen_status fake_alloc(void *state, size_t size, void **data)
{
    *data = state; /* what a careless backend might leave there when it fails */
    if (record.result == VARLEN_OK)
        *data = aligned_alloc(256, (size + 255) / 256 * 256);
    return answer_call(state);
}

static varlen_status fake_free(void *state, void *data)
{
    free(data);
    return answer_call(state);
}

static varlen_status fake_copy(void *state, varlen_stream stream, void *destination, const void *source, size_t size)
{
    (void)stream;
    memcpy(destination, source, size);
    return answer_call(state);
}

static varlen_status fake_fill(void *state, varlen_stream stream, void *destination, uint8_t value, size_t size)
{
    (void)stream;
    memset(destination, value, size);
    return answer_call(state);
}

static varlen_status fake_stream_create(void *state, varlen_stream *stream)
{
    *stream = NULL;
    return answer_call(state);
}

static varlen_status fake_stream(void *state, varlen_stream stream)
{
    (void)stream;
    return answer_call(state);
}

static varlen_status fake_stream_wait(void *state, varlen_stream stream, varlen_event event)
{
    (void)stream;
    (void)event;
    return answer_call(state);
}

static varlen_status fake_event_create(void *state, varlen_event *event)
{
    *event = (varlen_event)&record;
    return answer_call(state);
}

static varlen_status fake_event(void *state, varlen_event event)
{
    (void)event;
    return answer_call(state);
}

static varlen_status fake_event_record(void *state, varlen_event event, varlen_stream stream)
{
    (void)event;
    (void)stream;
    ((fake_state *)state)->has_recorded = true;
    return answer_call(state);
}

static varlen_status fake_event_elapsed(void *state, varlen_event start, varlen_event end, double *milliseconds)
{
    (void)start;
    (void)end;
    const fake_state *fake = state;
    if (!fake->has_recorded)
        return fake->host->fail(VARLEN_ERROR_INVALID_ARGUMENT, "the event has not been recorded");
    *milliseconds = 1.5;
    return answer_call(state);
}

#ifdef FAKE_HUGE_ATTENTION
static const varlen_struct_sizes struct_sizes = {.struct_size = sizeof struct_sizes, .attention = 5000};
#else
__attribute__((unused)) static const varlen_struct_sizes struct_sizes = VARLEN_STRUCT_SIZES;
#endif

/* All that the header has. */
__attribute__((unused)) static const varlen_limits limits = {
    .struct_size = sizeof limits,
    .features = FAKE_FEATURES,
    .dtypes = FAKE_DTYPES,
    .head_dim = 256,
    .value_dim = 128,
};

/* Functions of a later minor version come after the table that this header knows. */
static const struct {
    varlen_backend backend;
    void (*later[FAKE_LATER_FUNCTIONS + 1])(void *state);
} table = {
    .backend =
        {
            .abi_version = FAKE_ABI_MAJOR << 16 | FAKE_ABI_MINOR,
            .priority = FAKE_PRIORITY,
            .struct_size = FAKE_STRUCT_SIZE,
            .name = FAKE_NAME,
            .description = FAKE_DESCRIPTION,
            .struct_sizes = FAKE_STRUCT_SIZES,
            .forward_limits = FAKE_LIMITS,
            .device_count = fake_device_count,
            .device_info = fake_device_info,
            .open = FAKE_OPEN,
            .close = fake_close,
            .supports = fake_supports,
            .workspace_size = fake_workspace_size,
            .forward = fake_forward,
#ifndef FAKE_BARE
            .take_violation = fake_take_violation,
            .kernel_families = fake_kernel_families,
            .backward = fake_backward,
            .backward_limits = &limits,
            .merge_limits = &limits,
            .kv_append_limits = &limits,
            .merge = fake_merge,
            .cu_seqlens = fake_cu_seqlens,
            .pack = fake_pack,
            .unpack = fake_pack,
            .kv_append = fake_kv_append,
            .explain = fake_explain,
#endif
            .alloc = fake_alloc,
            .free = fake_free,
            .copy = fake_copy,
            .fill = fake_fill,
            .stream_create = fake_stream_create,
            .stream_destroy = fake_stream,
            .stream_synchronize = fake_stream,
            .stream_wait = fake_stream_wait,
            .event_create = fake_event_create,
            .event_destroy = fake_event,
            .event_record = fake_event_record,
            .event_synchronize = fake_event,
            .event_elapsed = fake_event_elapsed,
        },
#if FAKE_LATER_FUNCTIONS > 0
    .later = {fake_close, fake_close},
#endif
};

#ifdef FAKE_DEPENDENCY
int fake_dependency(void);
#endif

const varlen_backend *varlen_backend_entry(const varlen_host *host)
{
#ifdef FAKE_DECLINES_ONCE
    static int entries;
    if (entries++ == 0) {
        host->fail(VARLEN_ERROR_OUT_OF_MEMORY, "no memory for the fake backend");
        return NULL;
    }
#endif
    (void)host;
#ifdef FAKE_DEPENDENCY
    if (fake_dependency() != 1)
        return NULL;
#endif
    return &table.backend;
}
