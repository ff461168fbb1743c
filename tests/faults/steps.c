/* Steps of a program that uses the library: see steps.h. */
#include "steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpu/operations.h"

static char folder[] = "/tmp/varlen-faults-XXXXXX";

const char *steps_message(void)
{
    return varlen_error_message();
}

/* ---- Opening and closing ---- */

/* The thread has failed before, and has its memory for messages. */
static void prepare_thread(void)
{
    varlen_get_device(NULL, 0, NULL);
}

/* A failure of the step itself, which no status of the library tells. */
static varlen_status wrong(void)
{
    return VARLEN_ERROR_DEVICE;
}

static varlen_status open_and_close(const char *backend, const char *opened)
{
    const varlen_open_options options = {.struct_size = sizeof options, .backend = backend, .threads = 1};
    varlen_device_info info = {.struct_size = sizeof info};
    varlen_context *context;
    varlen_status status = varlen_open(&options, &context);
    if (status != VARLEN_OK)
        return context ? wrong() : status;
    status = varlen_context_device(context, &info);
    varlen_close(context);
    return status == VARLEN_OK && strcmp(info.backend, opened) != 0 ? wrong() : status;
}

static varlen_status open_cpu(void)
{
    return open_and_close("cpu", "cpu");
}

static varlen_status open_auto(void)
{
    return open_and_close("auto", "cpu");
}

static varlen_status open_list(void)
{
    return open_and_close("nosuch,broken,cpu", "cpu");
}

static void prepare_open(void)
{
    prepare_thread();
    if (open_cpu() != VARLEN_OK)
        exit(EXIT_FAILURE);
}

/* What is no backend must be refused, with words about it. */
static varlen_status refuse_to_open(const char *backend, const char *words)
{
    varlen_context *context;
    const varlen_open_options options = {.struct_size = sizeof options, .backend = backend};
    const varlen_status status = varlen_open(&options, &context);
    if (status == VARLEN_OK || context)
        return wrong();
    return strstr(varlen_error_message(), words) ? VARLEN_OK : status;
}

static varlen_status refuse_unknown(void)
{
    return refuse_to_open("nosuch", "there is no backend nosuch");
}

static varlen_status refuse_broken(void)
{
    return refuse_to_open("broken", "broken cannot be loaded");
}

static varlen_status describe_device(void)
{
    varlen_device_info info = {.struct_size = sizeof info};
    return varlen_get_device("cpu", 0, &info);
}

/* ---- Lists ---- */

static bool is_listed(const char *name, varlen_backend_state state)
{
    for (int32_t i = 0; i < varlen_backend_count(); i++) {
        varlen_backend_info info = {.struct_size = sizeof info};
        if (varlen_get_backend(i, &info) == VARLEN_OK && strcmp(info.name, name) == 0)
            return info.state == state;
    }
    return false;
}

/* The functions that count have no status: what failed shows in what they list, the next time all is there. */
static varlen_status list_backends(void)
{
    const bool whole = is_listed("cpu", VARLEN_BACKEND_USABLE) && is_listed("broken", VARLEN_BACKEND_REFUSED);
    for (int32_t i = 0; i < varlen_search_folder_count(); i++) {
        varlen_search_folder searched = {.struct_size = sizeof searched};
        const varlen_status status = varlen_get_search_folder(i, &searched);
        if (status != VARLEN_OK)
            return status;
    }
    if (whole)
        return VARLEN_OK;
    varlen_get_backend(-1, NULL); /* for its message */
    return VARLEN_ERROR_OUT_OF_MEMORY;
}

static varlen_status add_folder(void)
{
    char path[64];
    snprintf(path, sizeof path, "%s/partial", folder);
    const varlen_status status = varlen_add_backend_folder(path);
    return status == VARLEN_OK ? open_and_close("partial", "partial") : status;
}

/* ---- Memory, streams and events, on a context that is open ---- */

static varlen_context *context;

static varlen_status open_with(int32_t threads, varlen_context **opened)
{
    const varlen_open_options options = {.struct_size = sizeof options, .backend = "cpu", .threads = threads};
    return varlen_open(&options, opened);
}

static void prepare_context(void)
{
    prepare_thread();
    if (open_with(1, &context) != VARLEN_OK)
        exit(EXIT_FAILURE);
}

static varlen_status take_memory(void)
{
    void *data = &data;
    const varlen_status status = varlen_alloc(context, 1000, &data);
    if (status != VARLEN_OK)
        return data ? wrong() : status;
    return varlen_free(context, data);
}

static varlen_status use_stream_and_event(void)
{
    varlen_stream stream = NULL;
    varlen_event event = NULL;
    varlen_status status = varlen_stream_create(context, &stream);
    if (status != VARLEN_OK)
        return status;
    status = varlen_event_create(context, &event);
    if (status == VARLEN_OK) {
        status = varlen_event_record(context, event, stream);
        varlen_event_destroy(context, event);
    }
    varlen_stream_destroy(context, stream);
    return status;
}

/* ---- Calls ---- */

enum { THREADS = 3, MOST_OPERATIONS = 16 };

static workload works[MOST_OPERATIONS];
static placement places[MOST_OPERATIONS];
static unsigned char *images[MOST_OPERATIONS];
static unsigned char *results[MOST_OPERATIONS];

/* The workspace is that of `threads`, but one thread has computed what they are to come to: none of them runs yet. */
static void prepare_call(int n, int32_t threads)
{
    varlen_context *wide;
    prepare_context();
    if (n >= MOST_OPERATIONS || open_with(threads, &wide) != VARLEN_OK)
        exit(EXIT_FAILURE);
    works[n] = workload_make(operations[n]);
    places[n] = placement_make(&works[n], wide);
    places[n].context = context;
    images[n] = workload_image(&works[n], FILL_ALL, 1);
    results[n] = placement_run(&places[n], images[n], NULL);
}

static void prepare_first_call(void)
{
    prepare_call(0, THREADS);
}

static void prepare_calls(void)
{
    for (int n = 0; n < operation_count; n++)
        prepare_call(n, 1);
}

/* The call, whose results must be right. */
static varlen_status call(int n, varlen_context *chosen)
{
    placement there = places[n];
    there.context = chosen;
    memcpy(there.data, images[n], works[n].size);
    const varlen_status status = placement_submit(&there, NULL);
    if (status != VARLEN_OK)
        return status;
    return memcmp(there.data, results[n], works[n].size) == 0 ? VARLEN_OK : wrong();
}

/* The first call with threads that are yet to be started: fewer will do. */
static varlen_status open_and_call(void)
{
    varlen_context *opened;
    varlen_status status = open_with(THREADS, &opened);
    if (status != VARLEN_OK)
        return status;
    status = call(0, opened);
    varlen_close(opened);
    return status;
}

static varlen_status make_every_call(void)
{
    varlen_status status = VARLEN_OK;
    for (int n = 0; n < operation_count && status == VARLEN_OK; n++)
        status = call(n, places[n].context);
    return status == VARLEN_OK ? varlen_context_status(context) : status;
}

const step steps[] = {
    {"open cpu", prepare_thread, open_cpu, false},
    {"open auto", prepare_thread, open_auto, false},
    {"open a list", prepare_thread, open_list, false},
    {"open again", prepare_open, open_cpu, false},
    {"refuse an unknown backend", prepare_thread, refuse_unknown, false},
    {"refuse a broken backend", prepare_thread, refuse_broken, false},
    {"describe a device", prepare_thread, describe_device, false},
    {"list backends and folders", prepare_thread, list_backends, false},
    {"add a folder", prepare_thread, add_folder, false},
    {"add a folder after opening", prepare_open, add_folder, false},
    {"take memory", prepare_context, take_memory, false},
    {"use a stream and an event", prepare_context, use_stream_and_event, false},
    {"open and call", prepare_first_call, open_and_call, false},
    {"make every call", prepare_calls, make_every_call, true},
};

const int step_count = (int)(sizeof steps / sizeof steps[0]);

/* ---- Folders ---- */

static void run_shell(const char *format, const char *first, const char *second)
{
    char line[1024];
    snprintf(line, sizeof line, format, first, second);
    if (system(line) != 0)
        exit(EXIT_FAILURE);
}

void steps_begin(const char *plugin)
{
    umask(022); /* folders that everybody may write would be refused */
    if (!mkdtemp(folder))
        exit(EXIT_FAILURE);
    run_shell("mkdir '%s/partial' '%s/broken'", folder, folder);
    run_shell("cp '%s' '%s/partial/'", plugin, folder);
    run_shell("echo 'no library' > '%s/broken/varlen-broken.so'%s", folder, "");
    char path[64];
    snprintf(path, sizeof path, "%s/broken", folder);
    unsetenv("VARLEN_BACKEND");
    unsetenv("VARLEN_LOG");
    setenv("VARLEN_BACKEND_PATH", path, 1);
}

void steps_end(void)
{
    run_shell("rm -r '%s'%s", folder, "");
}
