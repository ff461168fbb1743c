/* Which of the plugin's code a device runs, as the driver chooses it. */
#ifndef VARLEN_CUDA_COMPILED_CODE_H
#define VARLEN_CUDA_COMPILED_CODE_H

#include "architecture.h"

#include <stdio.h>
#include <string.h>

/* One of those that CMakeLists.txt compiles. */
struct compiled_code {
    char name[16];  /* "sm_90a", machine code; "compute_80", PTX, which the driver compiles */
    int capability; /* 90 for 9.0 */
    char scope;     /* 'a': for devices of this capability alone; 'f': for its generation; '\0': see runs_on */
};

inline bool is_machine_code(const compiled_code &code)
{
    return strncmp(code.name, "sm_", 3) == 0;
}

/* Machine code runs on later devices of its generation, PTX on all later ones. */
inline bool runs_on(const compiled_code &code, int capability)
{
    if (code.scope == 'a')
        return code.capability == capability;
    if (is_machine_code(code) || code.scope == 'f')
        return generation_of(code.capability) == generation_of(capability) && code.capability <= capability;
    return code.capability <= capability;
}

/* What the driver takes for a device of a list of names, which are separated by blanks: machine code before PTX, the
 * latest of either. Returns whether there is any. */
inline bool find_code(const char *list, int capability, compiled_code *found)
{
    bool any = false;
    int length = 0;
    for (const char *at = list; *at; at += length) {
        compiled_code code = {};
        if (sscanf(at, " %15s%n", code.name, &length) != 1)
            break;
        sscanf(strchr(code.name, '_') + 1, "%d%c", &code.capability, &code.scope);
        if (!runs_on(code, capability))
            continue;
        const bool same = any && is_machine_code(code) == is_machine_code(*found);
        if (!any || (same ? code.capability > found->capability : is_machine_code(code)))
            *found = code;
        any = true;
    }
    return any;
}

#endif
