/* Loading one plugin: trust, a look at the file, the dynamic loader, then the agreement on versions before anything
 * else. */
#include "plugin.h"

#include <stdlib.h>
#include <string.h>

#include "backend_limits.h"
#include "elf_file.h"
#include "environment.h"
#include "log.h"
#include "os.h"
#include "rule.h"
#include "structs.h"

/* The size of varlen_backend in ABI 1.0. Never changes; functions of later minor versions come after it. */
static const size_t first_size = offsetof(varlen_backend, event_elapsed) + sizeof((varlen_backend *)0)->event_elapsed;

/* A name that is not in varlen's table is a defect of the backend. */
static const char *host_environment(const char *name)
{
    if (!varlen_environment_is_declared(name)) {
        varlen_log(VARLEN_LOG_ERROR, "%s is not one of varlen's environment variables, so it was not read", name);
        return NULL;
    }
    return varlen_environment(name);
}

const varlen_host varlen_plugin_host = {
    .abi_version = VARLEN_BACKEND_ABI_VERSION,
    .struct_size = sizeof(varlen_host),
    .fail = varlen_fail,
    .log = varlen_log,
    .environment = host_environment,
    .log_wanted = varlen_log_wanted,
};

typedef struct required_function {
    const char *name;
    size_t offset;
} required_function;

static const required_function required_functions[] = {
    {"device_count", offsetof(varlen_backend, device_count)},
    {"device_info", offsetof(varlen_backend, device_info)},
    {"open", offsetof(varlen_backend, open)},
    {"close", offsetof(varlen_backend, close)},
    {"supports", offsetof(varlen_backend, supports)},
    {"workspace_size", offsetof(varlen_backend, workspace_size)},
    {"forward", offsetof(varlen_backend, forward)},
    {"alloc", offsetof(varlen_backend, alloc)},
    {"free", offsetof(varlen_backend, free)},
    {"copy", offsetof(varlen_backend, copy)},
    {"fill", offsetof(varlen_backend, fill)},
    {"stream_create", offsetof(varlen_backend, stream_create)},
    {"stream_destroy", offsetof(varlen_backend, stream_destroy)},
    {"stream_synchronize", offsetof(varlen_backend, stream_synchronize)},
    {"stream_wait", offsetof(varlen_backend, stream_wait)},
    {"event_create", offsetof(varlen_backend, event_create)},
    {"event_destroy", offsetof(varlen_backend, event_destroy)},
    {"event_record", offsetof(varlen_backend, event_record)},
    {"event_synchronize", offsetof(varlen_backend, event_synchronize)},
    {"event_elapsed", offsetof(varlen_backend, event_elapsed)},
};

static varlen_status check_functions(const varlen_backend *backend)
{
    for (size_t i = 0; i < sizeof required_functions / sizeof required_functions[0]; i++) {
        void (*function)(void);
        memcpy(&function, (const char *)backend + required_functions[i].offset, sizeof function);
        VARLEN_RULE(function, BACKEND_UNAVAILABLE, "it has no %s, which is not optional", required_functions[i].name);
    }
    return VARLEN_OK;
}

static varlen_status check_version(const varlen_backend *offered)
{
    const uint32_t major = offered->abi_version >> 16;
    const uint32_t minor = offered->abi_version & 0xffffu;
    VARLEN_RULE(major == VARLEN_BACKEND_ABI_MAJOR, BACKEND_UNAVAILABLE,
                "it was built for plugin ABI %u.%u, but this library takes %u.x", major, minor,
                VARLEN_BACKEND_ABI_MAJOR);
    VARLEN_RULE(offered->struct_size >= first_size, BACKEND_UNAVAILABLE,
                "its struct_size = %zu is below the %zu bytes of plugin ABI 1.0", offered->struct_size, first_size);
    return VARLEN_OK;
}

static varlen_status check_offer(const varlen_backend *offered, const char *name)
{
    VARLEN_TRY(check_version(offered));
    VARLEN_RULE(offered->name && offered->description, BACKEND_UNAVAILABLE, "it has no %s",
                offered->name ? "description" : "name");
    VARLEN_RULE(strcmp(offered->name, name) == 0, BACKEND_UNAVAILABLE, "it calls itself %.15s, but its file says %s",
                offered->name, name);
    VARLEN_TRY(check_functions(offered));
    VARLEN_TRY(varlen_struct_check_sizes(offered));
    return varlen_limits_check_table(offered);
}

varlen_status varlen_plugin_enter(varlen_backend_entry_function entry, const char *name, varlen_plugin *plugin,
                                  bool *may_pass)
{
    memset(plugin, 0, sizeof *plugin);
    *may_pass = false;
    varlen_error_mark();
    const varlen_backend *offered = entry(&varlen_plugin_host);
    const varlen_status declined = varlen_error_since_mark();
    if (!offered && declined != VARLEN_OK) { /* the message is the plugin's */
        *may_pass = declined == VARLEN_ERROR_OUT_OF_MEMORY;
        return *may_pass ? VARLEN_ERROR_OUT_OF_MEMORY : VARLEN_ERROR_BACKEND_UNAVAILABLE;
    }
    VARLEN_RULE(offered, BACKEND_UNAVAILABLE, "its %s returned NULL without a reason", VARLEN_BACKEND_ENTRY_SYMBOL);
    plugin->abi_version = offered->abi_version;
    VARLEN_TRY(check_offer(offered, name));
    const size_t known = sizeof plugin->backend;
    memcpy(&plugin->backend, offered, offered->struct_size < known ? offered->struct_size : known);
    return VARLEN_OK;
}

/* ---- Files ---- */

typedef struct plugin_reading {
    const varlen_file *file;
    varlen_obstacle *obstacle;
} plugin_reading;

static bool read_file(void *user, uint64_t offset, void *to, size_t size)
{
    const plugin_reading *reading = user;
    return varlen_os_file_read(reading->file, offset, to, size, reading->obstacle);
}

static bool check_file(const varlen_file *file, varlen_obstacle *obstacle)
{
    plugin_reading reading = {.file = file, .obstacle = obstacle};
    const varlen_elf_reader reader = {.size = file->size, .user = &reading, .read = read_file};
    return varlen_elf_check(&reader, &obstacle->words);
}

/* The loader opens the file by its path, not by the descriptor that was looked at: through /proc/self/fd it would show
 * debuggers and the plugin's own $ORIGIN a folder of descriptors, and take the next plugin for this one when the number
 * comes again. None but trusted users can put another file there, and if one does just now, that is noticed. */
static void *load_checked(const char *path, const varlen_file *file, varlen_obstacle *obstacle)
{
    if (!check_file(file, obstacle))
        return NULL;
    void *library = varlen_os_library_open(path, file->size, obstacle);
    if (!library || varlen_os_file_is_at(file, path))
        return library;
    varlen_text_add(&obstacle->words, "it was replaced while it was being loaded");
    return NULL; /* its constructors have run: it is not unloaded, as below */
}

static void *open_library(const char *path, varlen_obstacle *obstacle)
{
    varlen_file file;
    char *real_path = varlen_os_real_path(path, obstacle);
    void *library = NULL;
    if (real_path && varlen_os_file_open(real_path, &file, obstacle)) {
        library = load_checked(real_path, &file, obstacle);
        varlen_os_file_close(&file);
    }
    free(real_path);
    return library;
}

varlen_status varlen_plugin_load(const char *path, const char *name, varlen_plugin *plugin, bool *may_pass)
{
    varlen_obstacle obstacle = {0};
    void *library = open_library(path, &obstacle);
    *may_pass = !library && varlen_obstacle_may_pass(&obstacle);
    if (!library)
        return varlen_fail(varlen_obstacle_status(&obstacle), "%s", obstacle.words.data);

    void *symbol = varlen_os_library_symbol(library, VARLEN_BACKEND_ENTRY_SYMBOL);
    if (!symbol) {
        varlen_os_library_close(library);
        return varlen_fail(VARLEN_ERROR_BACKEND_UNAVAILABLE, "it does not export %s", VARLEN_BACKEND_ENTRY_SYMBOL);
    }
    /* From here on the plugin has run code of its own and may have threads: it is never unloaded, refused or not. */
    varlen_backend_entry_function entry;
    memcpy(&entry, &symbol, sizeof entry);
    return varlen_plugin_enter(entry, name, plugin, may_pass);
}
