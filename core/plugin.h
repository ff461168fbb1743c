/* Getting a backend's table out of a plugin file, or out of one that is linked in. */
#ifndef VARLEN_CORE_PLUGIN_H
#define VARLEN_CORE_PLUGIN_H

#include <stdbool.h>

#include <varlen/backend.h>

/* What a plugin offered. */
typedef struct varlen_plugin {
    uint32_t abi_version;   /* also of one that was refused; 0 if it did not come to that */
    varlen_backend backend; /* whole: functions of later minor versions than the plugin's are NULL */
} varlen_plugin;

/* What this copy of the library offers to backends. */
extern const varlen_host varlen_plugin_host;

/* Loads the file at `path`, which is absolute, as the backend `name`. On failure (VARLEN_ERROR_BACKEND_UNAVAILABLE, or
 * VARLEN_ERROR_OUT_OF_MEMORY) the thread's error message is the reason, and *may_pass says whether it is worth trying
 * again. Plugins stay loaded until the process ends. */
varlen_status varlen_plugin_load(const char *path, const char *name, varlen_plugin *plugin, bool *may_pass);

/* Likewise from an entry function. */
varlen_status varlen_plugin_enter(varlen_backend_entry_function entry, const char *name, varlen_plugin *plugin,
                                  bool *may_pass);

#endif
