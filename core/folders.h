/* The folders that are searched for plugins, and the plugin files in them. The registry's lock guards it all. */
#ifndef VARLEN_CORE_FOLDERS_H
#define VARLEN_CORE_FOLDERS_H

#include "plugin.h"

typedef enum varlen_candidate_state {
    VARLEN_CANDIDATE_FOUND,   /* not loaded so far */
    VARLEN_CANDIDATE_LOADED,  /* its backend can be opened */
    VARLEN_CANDIDATE_REFUSED, /* the reason says why */
} varlen_candidate_state;

/* A plugin file, or a backend that is linked in. Lives until the process ends; once its state is not FOUND any more,
 * nothing changes but what is said of its devices. */
typedef struct varlen_candidate {
    struct varlen_candidate *next;
    const char *name; /* also of files whose name is no backend's */
    const char *path; /* "(built in)" for a backend that is linked in */
    varlen_backend_entry_function builtin_entry;
    varlen_candidate_state state;
    const char *reason; /* if refused */
    varlen_plugin plugin;

    int32_t device_count;
    const char *device_reason; /* why there is none, "" if there is one; NULL until someone has asked */
} varlen_candidate;

typedef struct varlen_folder {
    struct varlen_folder *next;
    const char *path;
    const char *real_path; /* NULL if there is no such folder */
    const char *origin;
    const char *reason; /* why it was not searched, "" if it was */
    varlen_candidate *candidates;
} varlen_folder;

/* Both fail with VARLEN_ERROR_OUT_OF_MEMORY alone. `*list` is the whole list, and `place` a link in it. */

/* Looks at the folder and puts it at `place`, with the plugin files in it. One that is relative, missing, untrusted or
 * in the list already is put there with its reason. */
varlen_status varlen_folder_insert(varlen_folder **list, varlen_folder **place, const char *path, const char *origin);

/* Appends VARLEN_BACKEND_PATH, the folder beside libvarlen, and the one of the installation. */
varlen_status varlen_folder_append_standard(varlen_folder **list);

#endif
