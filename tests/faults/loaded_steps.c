/* Steps of a program that loads the library at run time, as Python does: see steps.h. Thread-local data of such a
 * library is allocated by the C library when a thread first touches it, and where that fails the process ends. */
#include "steps.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *path;

static varlen_status (*open_backend)(const varlen_open_options *options, varlen_context **context);
static void (*close_context)(varlen_context *context);
static const char *(*error_message)(void);

static bool find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

/* What failed before the library could. */
static const char *failure;

const char *steps_message(void)
{
    return failure ? failure : error_message();
}

static varlen_status load(void)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library && find(library, "varlen_open", &open_backend) && find(library, "varlen_close", &close_context) &&
        find(library, "varlen_error_message", &error_message)) {
        failure = NULL;
        return VARLEN_OK;
    }
    failure = "the library was not loaded";
    return VARLEN_ERROR_OUT_OF_MEMORY;
}

static varlen_status open_one(const char *backend)
{
    const varlen_open_options options = {.struct_size = sizeof options, .backend = backend, .threads = 1};
    varlen_context *context;
    const varlen_status status = open_backend(&options, &context);
    if (status == VARLEN_OK)
        close_context(context);
    return status;
}

/* What must fail, with words. */
static varlen_status fail_to_open(void)
{
    const varlen_status status = open_one("Not a name");
    return status != VARLEN_OK && *error_message() ? VARLEN_OK : VARLEN_ERROR_INTERNAL;
}

static varlen_status open_and_fail(void)
{
    const varlen_status status = open_one("cpu");
    return status == VARLEN_OK ? fail_to_open() : status;
}

static void prepare_nothing(void)
{
}

static void prepare_library(void)
{
    if (load() != VARLEN_OK)
        exit(EXIT_FAILURE);
}

static void prepare_open(void)
{
    prepare_library();
    if (open_and_fail() != VARLEN_OK)
        exit(EXIT_FAILURE);
}

static varlen_status load_and_open(void)
{
    const varlen_status status = load();
    return status == VARLEN_OK ? open_and_fail() : status;
}

/* A failure on a thread that has had none. */
static void *fail_once(void *result)
{
    *(varlen_status *)result = fail_to_open();
    return NULL;
}

static varlen_status fail_on_a_thread(void)
{
    pthread_t thread;
    varlen_status result = VARLEN_ERROR_OUT_OF_MEMORY;
    failure = "no thread was started";
    if (pthread_create(&thread, NULL, fail_once, &result) == 0) {
        pthread_join(thread, NULL);
        failure = NULL;
    }
    return result;
}

const step steps[] = {
    {"load the library and open", prepare_nothing, load_and_open, false},
    {"open with a library that is loaded", prepare_library, open_and_fail, false},
    {"fail on a new thread", prepare_open, fail_on_a_thread, false},
};

const int step_count = (int)(sizeof steps / sizeof steps[0]);

void steps_begin(const char *library)
{
    path = library;
    unsetenv("VARLEN_BACKEND");
    unsetenv("VARLEN_BACKEND_PATH");
    unsetenv("VARLEN_LOG");
}

void steps_end(void)
{
}
