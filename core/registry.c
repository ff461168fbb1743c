/* The process-wide list of backends, built and loaded as far as calls need it.
 *
 * Locking. One lock guards the lists and the loading of plugins: dlopen and a plugin's entry run under it, because two
 * threads must not both be first, and because an entry only hands over a table. An entry that called back into the
 * registry would wait for itself; host functions do not. Nothing else of a plugin runs under the lock: asking for
 * devices and opening them may take seconds. Folders and candidates are never freed, and a candidate that is loaded or
 * refused stays what it is, so they can be read without the lock once they have been found under it. */
#include "registry.h"

#include <stdlib.h>
#include <string.h>

#include "configuration.h"
#include "log.h"
#include "os.h"
#include "rule.h"

static varlen_mutex lock = VARLEN_MUTEX_INITIALIZER;
static varlen_candidate *builtins;
static varlen_folder *folders;                  /* in order of search */
static varlen_folder **end_of_added = &folders; /* those of varlen_add_backend_folder come before all others */
static bool is_ready;                           /* builtins and the standard folders have been listed */

/* ---- The lists. All of this section needs the lock ---- */

static varlen_status add_builtins(void)
{
    varlen_candidate **end = &builtins;
    for (const varlen_builtin *builtin = varlen_builtins; builtin->name; builtin++) {
        varlen_candidate *candidate = calloc(1, sizeof *candidate);
        VARLEN_RULE(candidate, OUT_OF_MEMORY, "there is no memory to list the backend %s", builtin->name);
        candidate->name = builtin->name;
        candidate->path = "(built in)";
        candidate->builtin_entry = builtin->entry;
        *end = candidate;
        end = &candidate->next;
    }
    return VARLEN_OK;
}

/* After a failure, what was listed until then stays, and is not listed again. */
static varlen_status make_ready(void)
{
    if (is_ready)
        return VARLEN_OK;
    is_ready = true;
    VARLEN_TRY(add_builtins());
    return varlen_folder_append_standard(&folders);
}

static varlen_folder *folder_at(int32_t index)
{
    varlen_folder *folder = folders;
    while (folder && index-- > 0)
        folder = folder->next;
    return folder;
}

/* In order of search. What is linked in comes first: no file can take its place. */
static varlen_candidate *candidate_at(int32_t index)
{
    varlen_candidate *candidate = builtins;
    for (const varlen_folder *folder = folders;; folder = folder->next) {
        for (; candidate; candidate = candidate->next)
            if (index-- == 0)
                return candidate;
        if (!folder)
            return NULL;
        candidate = folder->candidates;
    }
}

/* ---- Loading. All of this section needs the lock ---- */

static void refuse(varlen_candidate *candidate, const char *reason)
{
    const char *copy = varlen_text_copy(reason, strlen(reason));
    candidate->state = VARLEN_CANDIDATE_REFUSED;
    candidate->reason = copy ? copy : "it was refused, and there was no memory to keep the reason";
    varlen_log(VARLEN_LOG_INFO, "backend %s is refused: %s: %s", candidate->name, candidate->path, candidate->reason);
}

static void load(varlen_candidate *candidate)
{
    const varlen_text kept = varlen_error_keep(); /* a refusal is not yet the failure of the call */
    const varlen_status status =
        candidate->builtin_entry ? varlen_plugin_enter(candidate->builtin_entry, candidate->name, &candidate->plugin)
                                 : varlen_plugin_load(candidate->path, candidate->name, &candidate->plugin);
    if (status != VARLEN_OK) {
        refuse(candidate, varlen_error_message());
        varlen_error_restore(&kept);
        return;
    }
    candidate->state = VARLEN_CANDIDATE_LOADED;
    varlen_log(VARLEN_LOG_INFO, "backend %s is loaded from %s", candidate->name, candidate->path);
}

/* The first file of this name that loads is used, also if a folder that is searched earlier was added afterwards. */
static varlen_candidate *resolve(const char *name)
{
    varlen_candidate *used = NULL;
    varlen_candidate *candidate;
    for (int32_t i = 0; (candidate = candidate_at(i)); i++)
        if (candidate->state == VARLEN_CANDIDATE_LOADED && strcmp(candidate->name, name) == 0)
            used = candidate;
    for (int32_t i = 0; (candidate = candidate_at(i)); i++) {
        if (candidate->state != VARLEN_CANDIDATE_FOUND || strcmp(candidate->name, name) != 0)
            continue;
        if (used) {
            varlen_text reason = {0};
            varlen_text_add(&reason, "%s is used instead", used->path);
            refuse(candidate, reason.data);
            continue;
        }
        load(candidate);
        if (candidate->state == VARLEN_CANDIDATE_LOADED)
            used = candidate;
    }
    return used;
}

static void resolve_all(void)
{
    varlen_candidate *candidate;
    for (int32_t i = 0; (candidate = candidate_at(i)); i++)
        if (candidate->state == VARLEN_CANDIDATE_FOUND)
            resolve(candidate->name);
}

/* ---- Finding. All of this section needs the lock ---- */

/* False if no file has this name. */
static bool describe_refusals(const char *name, varlen_text *refusals)
{
    const varlen_candidate *candidate;
    for (int32_t i = 0; (candidate = candidate_at(i)); i++)
        if (strcmp(candidate->name, name) == 0)
            varlen_text_add(refusals, "%s%s: %s", refusals->length ? "; " : "", candidate->path, candidate->reason);
    return refusals->length > 0;
}

static void add_name(varlen_text *text, bool is_first, const char *name, const char *refusal)
{
    varlen_text_add(text, "%s %s", is_first ? "" : ",", name);
    if (refusal && refusal[0])
        varlen_text_add(text, " (no: %s)", refusal);
}

static void describe_search(varlen_text *text)
{
    const varlen_candidate *candidate;
    const varlen_folder *folder;
    varlen_text_add(text, "found:%s", candidate_at(0) ? "" : " nothing");
    for (int32_t i = 0; (candidate = candidate_at(i)); i++)
        add_name(text, i == 0, candidate->name, candidate->reason);
    varlen_text_add(text, "; searched:");
    for (int32_t i = 0; (folder = folder_at(i)); i++)
        add_name(text, i == 0, folder->path, folder->reason);
}

static varlen_status find(const char *name, const varlen_backend **backend)
{
    VARLEN_TRY(make_ready());
    varlen_candidate *candidate = resolve(name);
    if (candidate) {
        *backend = &candidate->plugin.backend;
        return VARLEN_OK;
    }
    varlen_text words = {0};
    if (describe_refusals(name, &words))
        return varlen_fail(VARLEN_ERROR_BACKEND_UNAVAILABLE, "backend %s cannot be loaded: %s", name, words.data);
    describe_search(&words);
    return varlen_fail(VARLEN_ERROR_BACKEND_UNAVAILABLE, "there is no backend %s; %s", name, words.data);
}

/* How many loaded backends `auto` tries before the candidate at `index`. */
static int32_t rank_of(const varlen_candidate *candidate, int32_t index)
{
    int32_t rank = 0;
    const varlen_candidate *other;
    for (int32_t i = 0; (other = candidate_at(i)); i++)
        if (other->state == VARLEN_CANDIDATE_LOADED) {
            const int32_t difference = (other->plugin.backend.priority > candidate->plugin.backend.priority) -
                                       (other->plugin.backend.priority < candidate->plugin.backend.priority);
            rank += difference > 0 || (difference == 0 && i < index);
        }
    return rank;
}

static varlen_status find_ranked(int32_t rank, const varlen_backend **backend)
{
    VARLEN_TRY(make_ready());
    resolve_all();
    varlen_candidate *candidate;
    for (int32_t i = 0; (candidate = candidate_at(i)); i++)
        if (candidate->state == VARLEN_CANDIDATE_LOADED && rank_of(candidate, i) == rank) {
            *backend = &candidate->plugin.backend;
            return VARLEN_OK;
        }
    varlen_text words = {0};
    describe_search(&words);
    return varlen_fail(VARLEN_ERROR_BACKEND_UNAVAILABLE, "there is no %sbackend; %s", rank ? "further " : "",
                       words.data);
}

/* ---- What others call: all of it takes the lock ---- */

varlen_status varlen_registry_find(const char *name, const varlen_backend **backend)
{
    varlen_mutex_lock(&lock);
    const varlen_status status = find(name, backend);
    varlen_mutex_unlock(&lock);
    return status;
}

varlen_status varlen_registry_ranked(int32_t rank, const varlen_backend **backend)
{
    varlen_mutex_lock(&lock);
    const varlen_status status = find_ranked(rank, backend);
    varlen_mutex_unlock(&lock);
    return status;
}

varlen_status varlen_registry_add_folder(const char *path)
{
    varlen_mutex_lock(&lock);
    const varlen_status status = varlen_folder_insert(&folders, end_of_added, path, "varlen_add_backend_folder");
    if (status == VARLEN_OK)
        end_of_added = &(*end_of_added)->next;
    varlen_mutex_unlock(&lock);
    return status;
}

varlen_candidate *varlen_registry_candidate(int32_t index)
{
    const varlen_text kept = varlen_error_keep();
    varlen_mutex_lock(&lock);
    if (make_ready() != VARLEN_OK)
        varlen_error_restore(&kept); /* what was listed without memory for the rest is listed */
    resolve_all();
    varlen_candidate *candidate = index < 0 ? NULL : candidate_at(index);
    varlen_mutex_unlock(&lock);
    return candidate;
}

const varlen_folder *varlen_registry_folder(int32_t index)
{
    const varlen_text kept = varlen_error_keep();
    varlen_mutex_lock(&lock);
    if (make_ready() != VARLEN_OK)
        varlen_error_restore(&kept);
    const varlen_folder *folder = index < 0 ? NULL : folder_at(index);
    varlen_mutex_unlock(&lock);
    return folder;
}

void varlen_registry_keep_devices(varlen_candidate *candidate, int32_t count, const char *reason)
{
    varlen_mutex_lock(&lock);
    if (!candidate->device_reason) {
        const char *copy = varlen_text_copy(reason, strlen(reason));
        candidate->device_count = count;
        candidate->device_reason = copy ? copy : "there was no memory to keep the reason";
    }
    varlen_mutex_unlock(&lock);
}

void varlen_registry_hold(void)
{
    varlen_mutex_lock(&lock);
}

void varlen_registry_release(void)
{
    varlen_mutex_unlock(&lock);
}
