/* The process's backends: those linked in, and the plugin files in the search folders. */
#ifndef VARLEN_CORE_REGISTRY_H
#define VARLEN_CORE_REGISTRY_H

#include "folders.h"

/* What was found is remembered: backends that are loaded, and files and folders that are refused for good. What failed
 * for want of memory or descriptors, or because a disk did not answer, is tried again by the next call that needs it.
 * Failures are VARLEN_ERROR_BACKEND_UNAVAILABLE, or VARLEN_ERROR_OUT_OF_MEMORY where that was the cause. */

/* The backend `name`; loads the files of that name, and no others, unless one is loaded already. On failure the message
 * says why its files were refused, or, if there are none, what was found and where. */
varlen_status varlen_registry_find(const char *name, const varlen_backend **backend);

/* Loads every backend, and gives the one that `auto` tries after `previous`, or first if that is NULL: by priority,
 * then by order of search. Fails past the last; the message says what was found and where. */
varlen_status varlen_registry_next(const varlen_backend *previous, const varlen_backend **backend);

varlen_status varlen_registry_add_folder(const char *path);

/* ---- For listings, in order of search ---- */

typedef struct varlen_listed_backend {
    const char *name;
    const char *path;
    const char *reason; /* why it is not loaded */
    uint32_t abi_version;
    const varlen_backend *backend; /* NULL unless it is loaded */
} varlen_listed_backend;

/* Loads every backend. */
int32_t varlen_registry_backend_count(void);

/* Loads the backend at `index`; false if there is none. Texts are kept and can be printed. */
bool varlen_registry_backend(int32_t index, varlen_listed_backend *listed);

int32_t varlen_registry_folder_count(void);
bool varlen_registry_folder(int32_t index, varlen_search_folder *listed);

/* For fork.c: no other thread is in the registry between the two. */
void varlen_registry_hold(void);
void varlen_registry_release(void);

#endif
