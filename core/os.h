/* All that is specific to the operating system: threads, environment, files, shared libraries. */
#ifndef VARLEN_CORE_OS_H
#define VARLEN_CORE_OS_H

#include <pthread.h>
#include <stdbool.h>

#include "text.h"

/* A mutex that needs no set-up, so that the first call from any thread finds it ready. */
typedef struct varlen_mutex {
    pthread_mutex_t native;
} varlen_mutex;

#define VARLEN_MUTEX_INITIALIZER                                                                                       \
    {                                                                                                                  \
        PTHREAD_MUTEX_INITIALIZER                                                                                      \
    }

void varlen_mutex_lock(varlen_mutex *mutex);
void varlen_mutex_unlock(varlen_mutex *mutex);

/* The value of an environment variable; NULL if it is not set, or if this process has more rights than the user who
 * started it (setuid and its like), who must not choose what code it loads. */
const char *varlen_os_environment(const char *name);

bool varlen_os_is_absolute(const char *path);

/* The path without links and dots, to be freed by the caller; NULL if there is no such file, or no memory. */
char *varlen_os_real_path(const char *path);

/* Whether code may be loaded from here: a folder, or a regular file in a folder, that not every user may write. If not,
 * *reason says which of the two, and why. */
bool varlen_os_trusts_folder(const char *path, varlen_text *reason);
bool varlen_os_trusts_file(const char *path, varlen_text *reason);

/* Calls `visit` with the name of each entry of a folder, in the order of strcmp, until it returns false. False, with
 * the reason, if the folder cannot be read. */
typedef bool (*varlen_os_visitor)(void *user, const char *name);
bool varlen_os_list_folder(const char *path, varlen_os_visitor visit, void *user, varlen_text *reason);

/* The folder of the file that this code was loaded from, to be freed by the caller; NULL if it is not known. */
char *varlen_os_own_folder(void);

/* Opens a shared library with all its symbols resolved and none of them offered to others. NULL, with the loader's own
 * words, on failure. */
void *varlen_os_library_open(const char *path, varlen_text *reason);
void *varlen_os_library_symbol(void *library, const char *name);
void varlen_os_library_close(void *library);

#endif
