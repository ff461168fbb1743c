/* A copy of libvarlen, loaded by a path of its own. */
#ifndef VARLEN_TESTS_LIBRARY_H
#define VARLEN_TESTS_LIBRARY_H

#include "support/test.h"

/* The functions of one copy that tests call. */
typedef struct library {
    void *handle;
    const char *(*error_message)(void);
    void (*set_log_sink)(varlen_log_sink sink, void *user);
    int32_t (*search_folder_count)(void);
    varlen_status (*get_search_folder)(int32_t index, varlen_search_folder *folder);
    varlen_status (*open)(const varlen_open_options *options, varlen_context **context);
    void (*close)(varlen_context *context);
    varlen_status (*event_create)(varlen_context *context, varlen_event *event);
    varlen_status (*event_destroy)(varlen_context *context, varlen_event event);
    varlen_status (*event_elapsed)(varlen_context *context, varlen_event start, varlen_event end, double *milliseconds);
} library;

/* Copies the file that the build made. */
void library_copy(const char *path);

/* As given to dlopen. Failures of all of these fail the test. */
library library_load(const char *path);

/* Opens the backend, fails the test with the copy's message otherwise. */
varlen_context *library_open(const library *copy, const char *backend);

/* Makes the backend fail a call in its own words. */
void library_fail(const library *copy, varlen_context *context);

#endif
