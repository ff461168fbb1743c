/* A build with one fake backend linked in, of this version or of a later one. */
#include "core/configuration.h"

const varlen_backend *varlen_backend_entry_fake(const varlen_host *host);

const varlen_builtin varlen_builtins[] = {{"fake", varlen_backend_entry_fake}, {NULL, NULL}};
const char varlen_plugin_subfolder[] = "nothing-here";
const char varlen_install_plugin_folder[] = "/nonexistent/varlen";
