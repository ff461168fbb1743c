/* The process's backends: those linked in, and the plugin files in the search folders. */
#ifndef VARLEN_CORE_REGISTRY_H
#define VARLEN_CORE_REGISTRY_H

#include "folders.h"

/* The backend `name`; loads the files of that name, and no others, unless one is loaded already. Fails with
 * VARLEN_ERROR_BACKEND_UNAVAILABLE: the message says why its files were refused, or, if there are none, what was found
 * and where. */
varlen_status varlen_registry_find(const char *name, const varlen_backend **backend);

/* Loads every backend, and gives the one that `auto` tries as its rank-th, from 0: by priority, then by order of
 * search. Fails with VARLEN_ERROR_BACKEND_UNAVAILABLE past the last; the message says what was found and where. */
varlen_status varlen_registry_ranked(int32_t rank, const varlen_backend **backend);

varlen_status varlen_registry_add_folder(const char *path);

/* Every backend, loaded as far as that is possible, and every folder, in order of search; NULL past the last. */
varlen_candidate *varlen_registry_candidate(int32_t index);
const varlen_folder *varlen_registry_folder(int32_t index);

/* Keeps what the backend said of its devices; the first answer stays. `reason` is "" if it has one. */
void varlen_registry_keep_devices(varlen_candidate *candidate, int32_t count, const char *reason);

/* For fork.c: no other thread is in the registry between the two. */
void varlen_registry_hold(void);
void varlen_registry_release(void);

#endif
