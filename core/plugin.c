/* Loading one plugin: trust, dynamic loader, then the agreement on versions before anything else. */
#include "plugin.h"

#include <stdlib.h>
#include <string.h>

#include "environment.h"
#include "log.h"
#include "os.h"
#include "rule.h"

/* The size of varlen_backend in ABI 1.0. Never changes; functions of later minor versions come after it. */
static const size_t first_size = offsetof(varlen_backend, event_elapsed) + sizeof((varlen_backend *)0)->event_elapsed;

const varlen_host varlen_plugin_host = {
    .abi_version = VARLEN_BACKEND_ABI_VERSION,
    .struct_size = sizeof(varlen_host),
    .fail = varlen_fail,
    .log = varlen_log,
    .environment = varlen_environment,
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
    return check_functions(offered);
}

varlen_status varlen_plugin_enter(varlen_backend_entry_function entry, const char *name, varlen_plugin *plugin)
{
    varlen_error_mark();
    const varlen_backend *offered = entry(&varlen_plugin_host);
    if (!offered && varlen_error_since_mark())
        return VARLEN_ERROR_BACKEND_UNAVAILABLE; /* the message is the plugin's */
    VARLEN_RULE(offered, BACKEND_UNAVAILABLE, "its %s returned NULL without a reason", VARLEN_BACKEND_ENTRY_SYMBOL);
    plugin->abi_version = offered->abi_version;
    VARLEN_TRY(check_offer(offered, name));
    const size_t known = sizeof plugin->backend;
    memcpy(&plugin->backend, offered, offered->struct_size < known ? offered->struct_size : known);
    return VARLEN_OK;
}

static varlen_status load_real_path(const char *path, const char *name, varlen_plugin *plugin)
{
    varlen_text reason = {0};
    VARLEN_RULE(varlen_os_trusts_file(path, &reason), BACKEND_UNAVAILABLE, "%s", reason.data);
    void *library = varlen_os_library_open(path, &reason);
    VARLEN_RULE(library, BACKEND_UNAVAILABLE, "%s", reason.data);

    void *symbol = varlen_os_library_symbol(library, VARLEN_BACKEND_ENTRY_SYMBOL);
    if (!symbol) {
        varlen_os_library_close(library);
        return varlen_fail(VARLEN_ERROR_BACKEND_UNAVAILABLE, "it does not export %s", VARLEN_BACKEND_ENTRY_SYMBOL);
    }
    /* From here on the plugin has run code of its own and may have threads: it is never unloaded, refused or not. */
    varlen_backend_entry_function entry;
    memcpy(&entry, &symbol, sizeof entry);
    return varlen_plugin_enter(entry, name, plugin);
}

varlen_status varlen_plugin_load(const char *path, const char *name, varlen_plugin *plugin)
{
    memset(plugin, 0, sizeof *plugin);
    VARLEN_RULE(varlen_os_is_absolute(path), BACKEND_UNAVAILABLE, "%s is not an absolute path", path);
    /* What is checked must be what is loaded: links are followed once, before both. */
    char *real_path = varlen_os_real_path(path);
    VARLEN_RULE(real_path, BACKEND_UNAVAILABLE, "%s leads to no file", path);
    const varlen_status status = load_real_path(real_path, name, plugin);
    free(real_path);
    return status;
}
