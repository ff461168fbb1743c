/* The folders that are searched for plugins, and the plugin files in them. The registry's lock guards it all. */
#ifndef VARLEN_CORE_FOLDERS_H
#define VARLEN_CORE_FOLDERS_H

#include "os.h"
#include "plugin.h"

typedef enum varlen_candidate_state {
    VARLEN_CANDIDATE_FOUND,   /* not loaded so far; with a reason: loading failed, and is tried again */
    VARLEN_CANDIDATE_LOADED,  /* its backend can be opened */
    VARLEN_CANDIDATE_REFUSED, /* for good */
} varlen_candidate_state;

/* A plugin file, or a backend that is linked in. Lives until the process ends. Once it is LOADED or REFUSED it does not
 * change any more, but for its position. */
typedef struct varlen_candidate {
    const char *name; /* also of files whose name is no backend's */
    const char *path; /* "(built in)" for a backend that is linked in */
    varlen_backend_entry_function builtin_entry;
    int32_t position; /* in order of search */
    varlen_candidate_state state;
    varlen_status failure; /* VARLEN_OK if nothing has failed */
    const char *reason;    /* why it is not loaded, "" if it is or has not been tried; a kept text */
    varlen_plugin plugin;
} varlen_candidate;

typedef struct varlen_folder {
    const char *path;
    const char *origin;
    bool is_settled;       /* its files are listed, or it is refused for good; else it is looked at again */
    varlen_status failure; /* VARLEN_OK if it is searched */
    const char *reason;    /* why it is not searched, "" if it is; a kept text */
    varlen_candidate **candidates;
    int32_t candidate_count;
    varlen_file_id id;
    struct varlen_folder *next_of_hash; /* of the folders that are searched */
} varlen_folder;

/* In order of search. */
typedef struct varlen_folder_list {
    varlen_folder **items;
    int32_t count;
    int32_t capacity;
} varlen_folder_list;

/* Puts a folder, of which nothing is known yet, at `index`. Fails with VARLEN_ERROR_OUT_OF_MEMORY alone. */
varlen_status varlen_folder_insert(varlen_folder_list *list, int32_t index, const char *path, size_t length,
                                   const char *origin);

/* Appends VARLEN_BACKEND_PATH, the folder beside libvarlen, and the one of the installation: all of them, or none and
 * VARLEN_ERROR_OUT_OF_MEMORY. */
varlen_status varlen_folder_append_standard(varlen_folder_list *list);

/* Lists the plugin files of a folder that is not settled. One that is relative, missing, not trusted or searched
 * already is refused for good; after a failure that may pass it is as it was, with the reason. */
void varlen_folder_look(varlen_folder *folder);

#endif
