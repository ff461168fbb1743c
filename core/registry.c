/* The process-wide list of backends, built and loaded as far as calls need it.
 *
 * Locking. One lock guards the lists and the loading of plugins: dlopen and a plugin's entry run under it, because two
 * threads must not both be first, and because an entry only hands over a table. An entry that called back into the
 * registry would wait for itself; host functions do not. Nothing else of a plugin runs under the lock: asking for
 * devices and opening them may take seconds. Candidates that have been found are never freed, and the table of one that
 * is loaded does not change, so tables can be read without the lock. */
#include "registry.h"

#include <stdlib.h>
#include <string.h>

#include "catalogue.h"
#include "configuration.h"
#include "kept_text.h"
#include "log.h"
#include "rule.h"

static varlen_mutex lock = VARLEN_MUTEX_INITIALIZER;
static varlen_candidate *builtins;
static int32_t builtin_count;
static varlen_folder_list folders;
static int32_t added_count; /* folders of varlen_add_backend_folder, which come before all others */
static bool has_standard;   /* the other folders are in the list */
static bool is_seen;        /* every folder has been looked at */
static bool is_settled;     /* and none is to be looked at again */
static bool is_current;     /* the catalogue has all that the folders have */
static bool is_resolved;    /* no candidate is to be loaded any more */
static varlen_catalogue catalogue;

/* ---- The lists. All of this section needs the lock ---- */

static varlen_status add_builtins(void)
{
    int32_t count = 0;
    while (varlen_builtins[count].name)
        count++;
    builtins = calloc((size_t)count + 1, sizeof *builtins);
    VARLEN_RULE(builtins, OUT_OF_MEMORY, "there is no memory to list the backends that are linked in");
    for (int32_t i = 0; i < count; i++)
        builtins[i] = (varlen_candidate){.name = varlen_builtins[i].name,
                                         .path = "(built in)",
                                         .reason = "",
                                         .builtin_entry = varlen_builtins[i].entry};
    builtin_count = count;
    return VARLEN_OK;
}

static void look_at_folders(void)
{
    is_seen = true;
    is_settled = true;
    for (int32_t i = 0; i < folders.count; i++) {
        varlen_folder *folder = folders.items[i];
        if (folder->is_settled)
            continue;
        varlen_folder_look(folder);
        is_settled = is_settled && folder->is_settled;
        is_current = is_current && folder->candidate_count == 0;
    }
}

/* Brings the lists up to date, as far as they are not. */
static varlen_status update(void)
{
    if (!builtins)
        VARLEN_TRY(add_builtins());
    if (!has_standard) {
        VARLEN_TRY(varlen_folder_append_standard(&folders));
        has_standard = true;
        is_seen = is_settled = false;
    }
    if (!is_settled)
        look_at_folders();
    if (!is_current) {
        VARLEN_TRY(varlen_catalogue_fill(&catalogue, builtins, builtin_count, &folders));
        is_current = true;
        is_resolved = false;
    }
    return VARLEN_OK;
}

/* ---- Loading. All of this section needs the lock ---- */

static void fail_candidate(varlen_candidate *candidate, varlen_status failure, bool may_pass, const char *reason)
{
    candidate->state = may_pass ? VARLEN_CANDIDATE_FOUND : VARLEN_CANDIDATE_REFUSED;
    candidate->failure = failure;
    candidate->reason = varlen_kept_text(reason);
    varlen_log(VARLEN_LOG_INFO, "backend %s is %s: %s: %s", candidate->name,
               may_pass ? "not loaded for now" : "refused", candidate->path, candidate->reason);
}

static void load(varlen_candidate *candidate)
{
    const varlen_text kept = varlen_error_keep(); /* a refusal is not yet the failure of the call */
    bool may_pass;
    const varlen_status status =
        candidate->builtin_entry
            ? varlen_plugin_enter(candidate->builtin_entry, candidate->name, &candidate->plugin, &may_pass)
            : varlen_plugin_load(candidate->path, candidate->name, &candidate->plugin, &may_pass);
    if (status != VARLEN_OK) {
        fail_candidate(candidate, status, may_pass, varlen_error_message());
        varlen_error_restore(&kept);
        return;
    }
    candidate->state = VARLEN_CANDIDATE_LOADED;
    candidate->failure = VARLEN_OK;
    candidate->reason = "";
    varlen_log(VARLEN_LOG_INFO, "backend %s is loaded from %s", candidate->name, candidate->path);
}

/* The first file of a name that loads is used, also if a folder that is searched earlier was added afterwards. */
static varlen_candidate *resolve(varlen_namesakes same)
{
    varlen_candidate *used = NULL;
    for (int32_t i = same.first; i < same.end; i++)
        if (catalogue.by_name[i]->state == VARLEN_CANDIDATE_LOADED)
            used = catalogue.by_name[i];
    for (int32_t i = same.first; i < same.end; i++) {
        varlen_candidate *candidate = catalogue.by_name[i];
        if (candidate->state != VARLEN_CANDIDATE_FOUND)
            continue;
        if (used) {
            varlen_text reason = {0};
            varlen_text_add(&reason, "%s is used instead", used->path);
            fail_candidate(candidate, VARLEN_ERROR_BACKEND_UNAVAILABLE, false, reason.data);
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
    if (is_resolved)
        return;
    for (varlen_namesakes same = {0, 0}; same.end < catalogue.count;) {
        same = varlen_catalogue_at(&catalogue, same.end);
        resolve(same);
    }
    is_resolved = true;
    for (int32_t i = 0; i < catalogue.count; i++)
        is_resolved = is_resolved && catalogue.in_order[i]->state != VARLEN_CANDIDATE_FOUND;
}

/* ---- Finding. All of this section needs the lock ---- */

static void add_name(varlen_text *text, bool is_first, const char *name, const char *refusal)
{
    varlen_text_add(text, "%s %s", is_first ? "" : ",", name);
    if (refusal[0])
        varlen_text_add(text, " (no: %s)", refusal);
}

static void describe_search(varlen_text *text)
{
    varlen_text_add(text, "found:%s", catalogue.count ? "" : " nothing");
    for (int32_t i = 0; i < catalogue.count; i++)
        add_name(text, i == 0, catalogue.in_order[i]->name, catalogue.in_order[i]->reason);
    varlen_text_add(text, "; searched:");
    for (int32_t i = 0; i < folders.count; i++)
        add_name(text, i == 0, folders.items[i]->path, folders.items[i]->reason);
}

/* Why there is no backend, where none but the candidates `same` could have been it. */
static varlen_status absence(varlen_namesakes same)
{
    for (int32_t i = same.first; i < same.end; i++)
        if (catalogue.by_name[i]->failure == VARLEN_ERROR_OUT_OF_MEMORY)
            return VARLEN_ERROR_OUT_OF_MEMORY;
    for (int32_t i = 0; i < folders.count; i++)
        if (folders.items[i]->failure == VARLEN_ERROR_OUT_OF_MEMORY)
            return VARLEN_ERROR_OUT_OF_MEMORY;
    return VARLEN_ERROR_BACKEND_UNAVAILABLE;
}

static varlen_status find(const char *name, const varlen_backend **backend)
{
    VARLEN_TRY(update());
    const varlen_namesakes same = varlen_catalogue_find(&catalogue, name);
    const varlen_candidate *candidate = resolve(same);
    if (candidate) {
        *backend = &candidate->plugin.backend;
        return VARLEN_OK;
    }
    varlen_text words = {0};
    for (int32_t i = same.first; i < same.end; i++)
        varlen_text_add(&words, "%s%s: %s", i == same.first ? "" : "; ", catalogue.by_name[i]->path,
                        catalogue.by_name[i]->reason);
    if (words.length > 0)
        return varlen_fail(absence(same), "backend %s cannot be loaded: %s", name, words.data);
    describe_search(&words);
    return varlen_fail(absence(same), "there is no backend %s; %s", name, words.data);
}

/* Whether `auto` tries the one before the other. */
static bool comes_before(const varlen_candidate *one, const varlen_candidate *other)
{
    const int32_t priority = one->plugin.backend.priority;
    const int32_t other_priority = other->plugin.backend.priority;
    return priority != other_priority ? priority > other_priority : one->position < other->position;
}

static const varlen_candidate *find_loaded(const varlen_backend *backend)
{
    for (int32_t i = 0; i < catalogue.count; i++)
        if (&catalogue.in_order[i]->plugin.backend == backend)
            return catalogue.in_order[i];
    return NULL;
}

static varlen_status find_next(const varlen_backend *previous, const varlen_backend **backend)
{
    VARLEN_TRY(update());
    resolve_all();
    const varlen_candidate *after = find_loaded(previous);
    const varlen_candidate *best = NULL;
    for (int32_t i = 0; i < catalogue.count; i++) {
        const varlen_candidate *candidate = catalogue.in_order[i];
        if (candidate->state == VARLEN_CANDIDATE_LOADED && (!after || comes_before(after, candidate)) &&
            (!best || comes_before(candidate, best)))
            best = candidate;
    }
    if (best) {
        *backend = &best->plugin.backend;
        return VARLEN_OK;
    }
    varlen_text words = {0};
    describe_search(&words);
    return varlen_fail(absence((varlen_namesakes){0, catalogue.count}), "there is no %sbackend; %s",
                       previous ? "further " : "", words.data);
}

/* ---- What others call: all of it takes the lock ---- */

varlen_status varlen_registry_find(const char *name, const varlen_backend **backend)
{
    varlen_mutex_lock(&lock);
    const varlen_status status = find(name, backend);
    varlen_mutex_unlock(&lock);
    return status;
}

varlen_status varlen_registry_next(const varlen_backend *previous, const varlen_backend **backend)
{
    varlen_mutex_lock(&lock);
    const varlen_status status = find_next(previous, backend);
    varlen_mutex_unlock(&lock);
    return status;
}

varlen_status varlen_registry_add_folder(const char *path)
{
    varlen_mutex_lock(&lock);
    const varlen_status status =
        varlen_folder_insert(&folders, added_count, path, strlen(path), "varlen_add_backend_folder");
    if (status == VARLEN_OK) {
        added_count++;
        is_seen = is_settled = false;
    }
    varlen_mutex_unlock(&lock);
    return status;
}

/* Listings show what there is, also where there was no memory for the rest. Needs the lock. */
static void update_listing(void)
{
    const varlen_text kept = varlen_error_keep();
    if (update() != VARLEN_OK)
        varlen_error_restore(&kept);
}

int32_t varlen_registry_backend_count(void)
{
    varlen_mutex_lock(&lock);
    update_listing();
    resolve_all();
    const int32_t count = catalogue.count;
    varlen_mutex_unlock(&lock);
    return count;
}

bool varlen_registry_backend(int32_t index, varlen_listed_backend *listed)
{
    varlen_mutex_lock(&lock);
    if (!is_seen || !is_current) /* a program that takes all rows in turn does not look at folders again for each */
        update_listing();
    const bool is_there = index >= 0 && index < catalogue.count;
    if (is_there) {
        const varlen_candidate *candidate = catalogue.in_order[index];
        resolve(varlen_catalogue_find(&catalogue, candidate->name));
        *listed = (varlen_listed_backend){
            .name = varlen_printable_text(candidate->name),
            .path = varlen_printable_text(candidate->path),
            .reason = candidate->reason,
            .abi_version = candidate->plugin.abi_version,
            .backend = candidate->state == VARLEN_CANDIDATE_LOADED ? &candidate->plugin.backend : NULL,
        };
    }
    varlen_mutex_unlock(&lock);
    return is_there;
}

int32_t varlen_registry_folder_count(void)
{
    varlen_mutex_lock(&lock);
    update_listing();
    const int32_t count = folders.count;
    varlen_mutex_unlock(&lock);
    return count;
}

bool varlen_registry_folder(int32_t index, varlen_search_folder *listed)
{
    varlen_mutex_lock(&lock);
    if (!is_seen)
        update_listing();
    const bool is_there = index >= 0 && index < folders.count;
    if (is_there) {
        const varlen_folder *folder = folders.items[index];
        *listed = (varlen_search_folder){
            .path = varlen_printable_text(folder->path), .origin = folder->origin, .reason = folder->reason};
    }
    varlen_mutex_unlock(&lock);
    return is_there;
}

void varlen_registry_hold(void)
{
    varlen_mutex_lock(&lock);
}

void varlen_registry_release(void)
{
    varlen_mutex_unlock(&lock);
}
