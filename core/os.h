/* All that is specific to the operating system: threads, environment, files and who may write them, shared libraries.
 */
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

/* ---- Failures ---- */

/* Why something was not to be had: in words, and the system's error number, 0 if the system had none. */
typedef struct varlen_obstacle {
    int error;
    varlen_text words;
} varlen_obstacle;

/* Whether the same thing may be had later: what lacked was memory or descriptors, or a disk or network did not answer.
 */
bool varlen_obstacle_may_pass(const varlen_obstacle *obstacle);

/* VARLEN_ERROR_OUT_OF_MEMORY for want of memory, else VARLEN_ERROR_BACKEND_UNAVAILABLE. */
varlen_status varlen_obstacle_status(const varlen_obstacle *obstacle);

/* Functions with an obstacle as their last parameter fill it in when they fail. */

/* ---- Paths and folders ---- */

bool varlen_os_is_absolute(const char *path);

/* The path without links and dots, to be freed by the caller; NULL if there is no such file. */
char *varlen_os_real_path(const char *path, varlen_obstacle *obstacle);

/* Which folder or file it is, by whatever path. */
typedef struct varlen_file_id {
    uint64_t device;
    uint64_t number;
} varlen_file_id;

bool varlen_os_identify(const char *path, varlen_file_id *id, varlen_obstacle *obstacle);

/* Calls `visit` with the name of each entry of a folder, in the order of strcmp, until it returns false. False if the
 * folder cannot be read. */
typedef bool (*varlen_os_visitor)(void *user, const char *name);
bool varlen_os_list_folder(const char *path, varlen_os_visitor visit, void *user, varlen_obstacle *obstacle);

/* The file that this code was loaded from, without links, as it was when it was loaded: what a relative path meant does
 * not change with the working directory. NULL if it is not known. */
const char *varlen_os_own_path(void);

/* ---- Trust: os_trust.c ---- */

/* Whether code may be loaded from a folder: all of `real_path`, which has no links, belongs to users who are trusted,
 * and nobody else may write it.
 *
 * Trusted are root, the user of this process, and whoever could have replaced libvarlen itself: the owners of its file
 * and of the folders above it, whose code runs here already. A group that may write is trusted where it is the private
 * group of a trusted user (has the user's number), or may write libvarlen itself or a folder above it. What every user
 * may write is refused. Folders above the last one may be sticky, as /tmp is: nobody can replace there what belongs to
 * others. */
bool varlen_os_trusts_folder(const char *real_path, varlen_obstacle *obstacle);

/* ---- Plugin files ---- */

/* A regular file that is open for reading. */
typedef struct varlen_file {
    int descriptor;
    varlen_file_id id;
    uint64_t size;
    int64_t changed[2]; /* when, in seconds and nanoseconds */
} varlen_file;

/* Opens a file that, with the folder it is in, is trusted as above. */
bool varlen_os_file_open(const char *real_path, varlen_file *file, varlen_obstacle *obstacle);
bool varlen_os_file_read(const varlen_file *file, uint64_t offset, void *to, size_t size, varlen_obstacle *obstacle);
/* Whether the path still leads to this file, and it has not been written to since it was opened. */
bool varlen_os_file_is_at(const varlen_file *file, const char *path);
void varlen_os_file_close(const varlen_file *file);

/* Opens a shared library, a file of `size` bytes, with all its symbols resolved and none of them offered to others.
 * NULL, with the loader's own words, on failure. */
void *varlen_os_library_open(const char *path, uint64_t size, varlen_obstacle *obstacle);
void *varlen_os_library_symbol(void *library, const char *name);
void varlen_os_library_close(void *library);

#endif
