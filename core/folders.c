/* Building the list of search folders, and listing the plugin files in them. */
#include "folders.h"

#include <stdlib.h>
#include <string.h>

#include "configuration.h"
#include "environment.h"
#include "log.h"
#include "os.h"
#include "rule.h"
#include "selection.h"

static const char file_prefix[] = "varlen-";
static const char file_suffix[] = ".so";

/* What list_file, which a folder's listing calls for each file, adds to. */
typedef struct listing {
    varlen_folder *folder;
    varlen_candidate **end;
    bool out_of_memory;
} listing;

static char *join_path(const char *folder, const char *file)
{
    const size_t folder_length = strlen(folder);
    const size_t file_length = strlen(file);
    char *path = malloc(folder_length + 1 + file_length + 1);
    if (path) {
        memcpy(path, folder, folder_length);
        path[folder_length] = '/';
        memcpy(path + folder_length + 1, file, file_length + 1);
    }
    return path;
}

static bool list_file(void *user, const char *file)
{
    listing *to = user;
    const size_t prefix = sizeof file_prefix - 1;
    const size_t suffix = sizeof file_suffix - 1;
    const size_t length = strlen(file);
    if (length < prefix + suffix || memcmp(file, file_prefix, prefix) != 0 ||
        memcmp(file + length - suffix, file_suffix, suffix) != 0)
        return true;

    varlen_candidate *candidate = calloc(1, sizeof *candidate);
    char *name = varlen_text_copy(file + prefix, length - prefix - suffix);
    char *path = join_path(to->folder->path, file);
    if (!candidate || !name || !path) {
        free(candidate);
        free(name);
        free(path);
        to->out_of_memory = true;
        return false;
    }
    candidate->name = name;
    candidate->path = path;
    if (!varlen_is_backend_name(name)) {
        candidate->state = VARLEN_CANDIDATE_REFUSED;
        candidate->reason = "its file does not carry a backend's name: 1 to 15 of a-z, 0-9, _ and -, but not auto";
    }
    *to->end = candidate;
    to->end = &candidate->next;
    return true;
}

static const varlen_folder *find_real_path(const varlen_folder *list, const char *real_path)
{
    while (list && !(list->real_path && strcmp(list->real_path, real_path) == 0))
        list = list->next;
    return list;
}

/* Puts into `reason` why the folder is not searched; leaves it empty if it is. */
static void examine(const varlen_folder *folder, const varlen_folder *list, varlen_text *reason)
{
    if (!varlen_os_is_absolute(folder->path)) {
        varlen_text_add(reason, "it is not an absolute path");
        return;
    }
    if (!varlen_os_trusts_folder(folder->real_path ? folder->real_path : folder->path, reason))
        return;
    const varlen_folder *same = find_real_path(list, folder->real_path);
    if (same)
        varlen_text_add(reason, "it is the folder that is searched for %s", same->origin);
}

static varlen_folder *new_folder(const char *path, size_t length, const char *origin)
{
    varlen_folder *folder = calloc(1, sizeof *folder);
    char *copy = varlen_text_copy(path, length);
    if (!folder || !copy) {
        free(folder);
        free(copy);
        return NULL;
    }
    folder->path = copy;
    folder->origin = origin;
    folder->reason = "";
    folder->real_path = varlen_os_is_absolute(copy) ? varlen_os_real_path(copy) : NULL;
    return folder;
}

static varlen_status insert(varlen_folder **list, varlen_folder **place, const char *path, size_t length,
                            const char *origin)
{
    varlen_text reason = {0};
    varlen_folder *folder = new_folder(path, length, origin);
    VARLEN_RULE(folder, OUT_OF_MEMORY, "there is no memory to remember the folder %.*s", (int)length, path);
    examine(folder, *list, &reason);
    listing to = {.folder = folder, .end = &folder->candidates};
    if (reason.length == 0)
        varlen_os_list_folder(folder->path, list_file, &to, &reason);
    if (reason.length > 0) {
        const char *copy = varlen_text_copy(reason.data, reason.length);
        folder->reason = copy ? copy : "it was refused, and there was no memory to keep the reason";
    }
    varlen_log(VARLEN_LOG_INFO, "%s for plugins: %s (%s)%s%s", reason.length ? "not searched" : "searched",
               folder->path, origin, reason.length ? ": " : "", reason.data);
    folder->next = *place;
    *place = folder;
    VARLEN_RULE(!to.out_of_memory, OUT_OF_MEMORY, "there is no memory to list the folder %s", folder->path);
    return VARLEN_OK;
}

varlen_status varlen_folder_insert(varlen_folder **list, varlen_folder **place, const char *path, const char *origin)
{
    return insert(list, place, path, strlen(path), origin);
}

static varlen_status append(varlen_folder **list, const char *path, size_t length, const char *origin)
{
    varlen_folder **place = list;
    while (*place)
        place = &(*place)->next;
    return insert(list, place, path, length, origin);
}

static varlen_status append_environment(varlen_folder **list)
{
    const char *rest = varlen_environment("VARLEN_BACKEND_PATH");
    if (rest && !rest[0])
        rest = NULL;
    while (rest) {
        const size_t length = strcspn(rest, ":");
        VARLEN_TRY(append(list, rest, length, "VARLEN_BACKEND_PATH"));
        rest = rest[length] ? rest + length + 1 : NULL;
    }
    return VARLEN_OK;
}

static varlen_status append_beside(varlen_folder **list)
{
    char *own = varlen_os_own_folder();
    if (!own)
        return VARLEN_OK;
    char *path = join_path(own, varlen_plugin_subfolder);
    const varlen_status status = path ? append(list, path, strlen(path), "beside libvarlen")
                                      : varlen_fail(VARLEN_ERROR_OUT_OF_MEMORY, "there is no memory to join a path");
    free(own);
    free(path);
    return status;
}

varlen_status varlen_folder_append_standard(varlen_folder **list)
{
    VARLEN_TRY(append_environment(list));
    VARLEN_TRY(append_beside(list));
    return append(list, varlen_install_plugin_folder, strlen(varlen_install_plugin_folder), "install folder");
}
