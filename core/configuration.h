/* What the build decides: which backends are linked in, and where plugins are installed. The build generates the
 * values, so that core names no backend. */
#ifndef VARLEN_CORE_CONFIGURATION_H
#define VARLEN_CORE_CONFIGURATION_H

#include <varlen/backend.h>

typedef struct varlen_builtin {
    const char *name;
    varlen_backend_entry_function entry;
} varlen_builtin;

/* Ends with a row of NULLs. */
extern const varlen_builtin varlen_builtins[];

extern const char varlen_plugin_subfolder[];      /* beside libvarlen: "varlen" */
extern const char varlen_install_plugin_folder[]; /* absolute */

#endif
