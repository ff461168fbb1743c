/* Every environment variable that varlen or one of its backends reads, in one table. */
#include "environment.h"

#include <string.h>

#include "error.h"
#include "kept_text.h"
#include "os.h"
#include "structs.h"

typedef struct declaration {
    const char *name;
    const char *values;
    const char *default_value;
    const char *help;
} declaration;

static const declaration declarations[] = {
    {"VARLEN_BACKEND", "auto | NAME | NAME:DEVICE | a comma list of these names, as in cuda:1,cpu", "auto",
     "The backend that a program opens unless it names one itself. A backend named alone opens or fails; auto and "
     "lists go on to the next. Empty: not set."},
    {"VARLEN_BACKEND_PATH", "absolute folders, separated by colons", "",
     "Folders to search for backend plugins before the one beside libvarlen. Ignored in setuid programs."},
    {"VARLEN_LOG", "error | warn | info | debug", "",
     "Print log lines up to this level on stderr. Not set: print nothing."},
    {"VARLEN_CPU_ISA", "auto | the name of a kernel set, as in baseline or avx512", "auto",
     "The kernel set of the CPU backend. One that the processor lacks makes opening the backend fail."},
    {"VARLEN_GPU_KERNELS", "auto | the name of a family of kernels, as in warp_tiles", "auto",
     "The family of kernels of a GPU backend. What it declines is not supported. A name that the device has no family "
     "of makes opening the backend fail."},
    {"VARLEN_VALIDATE", "0 | 1", "1",
     "0 turns off the search for bad cu_seqlens, lengths and page tables, for programs that prove theirs themselves. "
     "Read when a context is opened."},
};

static const int32_t declaration_count = sizeof declarations / sizeof declarations[0];

bool varlen_environment_is_declared(const char *name)
{
    for (int32_t i = 0; i < declaration_count; i++)
        if (strcmp(declarations[i].name, name) == 0)
            return true;
    return false;
}

const char *varlen_environment(const char *name)
{
    return varlen_environment_is_declared(name) ? varlen_os_environment(name) : NULL;
}

int32_t varlen_environment_count(void)
{
    return declaration_count;
}

varlen_status varlen_get_environment(int32_t index, varlen_environment_variable *variable)
{
    if (index < 0 || index >= declaration_count)
        return varlen_fail(VARLEN_ERROR_INVALID_ARGUMENT, "index = %d is not below varlen_environment_count() = %d",
                           index, declaration_count);
    const declaration *declared = &declarations[index];
    const char *value = varlen_os_environment(declared->name);
    const varlen_environment_variable whole = {
        .name = declared->name,
        .values = declared->values,
        .default_value = declared->default_value,
        .help = declared->help,
        .value = value ? varlen_printable_text(value) : NULL,
    };
    return varlen_struct_write(VARLEN_STRUCT_ENVIRONMENT_VARIABLE, &whole, variable);
}
