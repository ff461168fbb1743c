/* A build without linked-in backends and without an install folder that could hold any. */
#include "core/configuration.h"

const varlen_builtin varlen_builtins[] = {{NULL, NULL}};
const char varlen_plugin_subfolder[] = "varlen";
const char varlen_install_plugin_folder[] = "/nonexistent/varlen";
