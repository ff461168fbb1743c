/* The list of search folders, and listing the plugin files in them. */
#include "folders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "configuration.h"
#include "environment.h"
#include "kept_text.h"
#include "log.h"
#include "rule.h"
#include "selection.h"

static const char file_prefix[] = "varlen-";
static const char file_suffix[] = ".so";

/* ---- The list ---- */

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
    return folder;
}

static bool make_room(varlen_folder_list *list)
{
    if (list->count < list->capacity)
        return true;
    const int32_t capacity = list->capacity ? 2 * list->capacity : 8;
    varlen_folder **items = realloc(list->items, (size_t)capacity * sizeof(varlen_folder *));
    if (!items)
        return false;
    list->items = items;
    list->capacity = capacity;
    return true;
}

varlen_status varlen_folder_insert(varlen_folder_list *list, int32_t index, const char *path, size_t length,
                                   const char *origin)
{
    varlen_folder *folder = make_room(list) ? new_folder(path, length, origin) : NULL;
    VARLEN_RULE(folder, OUT_OF_MEMORY, "there is no memory to remember the folder %.*s", (int)length, path);
    memmove(list->items + index + 1, list->items + index, (size_t)(list->count - index) * sizeof(varlen_folder *));
    list->items[index] = folder;
    list->count++;
    return VARLEN_OK;
}

static varlen_status append_environment(varlen_folder_list *list)
{
    const char *rest = varlen_environment("VARLEN_BACKEND_PATH");
    if (rest && !rest[0])
        rest = NULL;
    while (rest) {
        const size_t length = strcspn(rest, ":");
        VARLEN_TRY(varlen_folder_insert(list, list->count, rest, length, "VARLEN_BACKEND_PATH"));
        rest = rest[length] ? rest + length + 1 : NULL;
    }
    return VARLEN_OK;
}

/* Where libvarlen's own path is not known, this is "varlen" alone, which is refused for being relative. */
static varlen_status append_beside(varlen_folder_list *list)
{
    const char *own = varlen_os_own_path();
    const size_t length = own ? (size_t)(strrchr(own, '/') + 1 - own) : 0;
    char *path = malloc(length + strlen(varlen_plugin_subfolder) + 1);
    VARLEN_RULE(path, OUT_OF_MEMORY, "there is no memory to join a path");
    memcpy(path, own ? own : "", length);
    strcpy(path + length, varlen_plugin_subfolder);
    const varlen_status status = varlen_folder_insert(list, list->count, path, strlen(path), "beside libvarlen");
    free(path);
    return status;
}

static varlen_status append_all(varlen_folder_list *list)
{
    VARLEN_TRY(append_environment(list));
    VARLEN_TRY(append_beside(list));
    return varlen_folder_insert(list, list->count, varlen_install_plugin_folder, strlen(varlen_install_plugin_folder),
                                "install folder");
}

varlen_status varlen_folder_append_standard(varlen_folder_list *list)
{
    const int32_t before = list->count;
    const varlen_status status = append_all(list);
    while (status != VARLEN_OK && list->count > before) {
        varlen_folder *folder = list->items[--list->count];
        free((char *)folder->path);
        free(folder);
    }
    return status;
}

/* ---- The folders that are searched, by what they are ---- */

enum { BUCKETS = 1024 };

static varlen_folder *buckets[BUCKETS];

static varlen_folder **bucket_of(const varlen_file_id *id)
{
    return &buckets[(id->number ^ id->number >> 10 ^ id->device) % BUCKETS];
}

static const varlen_folder *find_same(const varlen_file_id *id)
{
    const varlen_folder *folder = *bucket_of(id);
    while (folder && !(folder->id.device == id->device && folder->id.number == id->number))
        folder = folder->next_of_hash;
    return folder;
}

static void add_searched(varlen_folder *folder)
{
    varlen_folder **bucket = bucket_of(&folder->id);
    folder->next_of_hash = *bucket;
    *bucket = folder;
}

/* ---- Listing ---- */

/* What list_file, which a folder's listing calls for each file, adds to. */
typedef struct listing {
    varlen_folder *folder;
    int32_t capacity;
    bool out_of_memory;
} listing;

static void free_candidate(varlen_candidate *candidate)
{
    if (!candidate)
        return;
    free((char *)candidate->name);
    free((char *)candidate->path);
    free(candidate);
}

static varlen_candidate *new_candidate(const varlen_folder *folder, const char *file, const char *name, size_t length)
{
    varlen_candidate *candidate = calloc(1, sizeof *candidate);
    if (!candidate)
        return NULL;
    candidate->name = varlen_text_copy(name, length);
    candidate->path = join_path(folder->path, file);
    candidate->reason = "";
    if (candidate->name && candidate->path)
        return candidate;
    free_candidate(candidate);
    return NULL;
}

static bool add_candidate(listing *to, varlen_candidate *candidate)
{
    varlen_folder *folder = to->folder;
    if (folder->candidate_count == to->capacity) {
        const int32_t capacity = to->capacity ? 2 * to->capacity : 8;
        varlen_candidate **larger = realloc(folder->candidates, (size_t)capacity * sizeof(varlen_candidate *));
        if (!larger)
            return false;
        folder->candidates = larger;
        to->capacity = capacity;
    }
    folder->candidates[folder->candidate_count++] = candidate;
    return true;
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

    varlen_candidate *candidate = new_candidate(to->folder, file, file + prefix, length - prefix - suffix);
    if (!candidate || !add_candidate(to, candidate)) {
        free_candidate(candidate);
        to->out_of_memory = true;
        return false;
    }
    if (!varlen_is_backend_name(candidate->name)) {
        candidate->state = VARLEN_CANDIDATE_REFUSED;
        candidate->failure = VARLEN_ERROR_BACKEND_UNAVAILABLE;
        candidate->reason = "its file does not carry a backend's name: 1 to 15 of a-z, 0-9, _ and -, but not auto";
    }
    return true;
}

static bool list_files(varlen_folder *folder, varlen_obstacle *obstacle)
{
    listing to = {.folder = folder};
    if (varlen_os_list_folder(folder->path, list_file, &to, obstacle) && !to.out_of_memory)
        return true;
    while (folder->candidate_count > 0)
        free_candidate(folder->candidates[--folder->candidate_count]);
    free(folder->candidates);
    folder->candidates = NULL;
    if (to.out_of_memory) {
        obstacle->error = ENOMEM;
        varlen_text_add(&obstacle->words, "there is no memory to list its files");
    }
    return false;
}

/* Whether the folder is to be searched. */
static bool examine(varlen_folder *folder, varlen_obstacle *obstacle)
{
    if (!varlen_os_is_absolute(folder->path)) {
        varlen_text_add(&obstacle->words, "it is not an absolute path");
        return false;
    }
    char *real_path = varlen_os_real_path(folder->path, obstacle);
    if (!real_path)
        return false;
    const bool is_known =
        varlen_os_trusts_folder(real_path, obstacle) && varlen_os_identify(real_path, &folder->id, obstacle);
    free(real_path);
    const varlen_folder *same = is_known ? find_same(&folder->id) : NULL;
    if (same)
        varlen_text_add(&obstacle->words, "it is the folder that is searched for %s", same->origin);
    return is_known && !same;
}

void varlen_folder_look(varlen_folder *folder)
{
    varlen_obstacle obstacle = {0};
    if (examine(folder, &obstacle) && list_files(folder, &obstacle)) {
        add_searched(folder);
        folder->is_settled = true;
        folder->failure = VARLEN_OK;
        folder->reason = "";
        varlen_log(VARLEN_LOG_INFO, "searched for plugins: %s (%s)", folder->path, folder->origin);
        return;
    }
    folder->is_settled = !varlen_obstacle_may_pass(&obstacle);
    folder->failure = varlen_obstacle_status(&obstacle);
    folder->reason = varlen_kept_text(obstacle.words.data);
    varlen_log(VARLEN_LOG_INFO, "not searched for plugins: %s (%s): %s", folder->path, folder->origin, folder->reason);
}
