/* A build with three fake backends linked in, for tests of what lies above the loader. */
#include "core/configuration.h"

#include "fakes.h"

const varlen_builtin varlen_builtins[] = {
    {"bare", varlen_backend_entry_bare},
    {"fake", varlen_backend_entry_fake},
    {"absent", varlen_backend_entry_absent},
    {NULL, NULL},
};
const char varlen_plugin_subfolder[] = "nothing-here";
const char varlen_install_plugin_folder[] = "/nonexistent/varlen";
