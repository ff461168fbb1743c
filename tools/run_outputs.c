/* Writes the output files of `varlen run`: see run_outputs.h. */
#include "run_outputs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef char *temporary_names[OUTPUT_COUNT]; /* owned; NULL: written directly, or not wanted */

static bool is_replaceable(const char *path)
{
    struct stat status;
    return lstat(path, &status) != 0 || S_ISREG(status.st_mode);
}

static bool write_one(const char *path, const npy_array *array, char **temporary, reason *why)
{
    if (!is_replaceable(path))
        return npy_write(path, array, why);
    if (asprintf(temporary, "%s.%ld.partial", path, (long)getpid()) < 0) {
        *temporary = NULL;
        return refuse(why, "%s: out of memory", path);
    }
    return npy_write(*temporary, array, why);
}

static bool write_all(const char *const paths[OUTPUT_COUNT], const npy_array arrays[OUTPUT_COUNT],
                      temporary_names temporaries, reason *why)
{
    for (int i = 0; i < OUTPUT_COUNT; i++)
        if (paths[i] && !write_one(paths[i], &arrays[i], &temporaries[i], why))
            return false;
    for (int i = 0; i < OUTPUT_COUNT; i++)
        if (temporaries[i] && rename(temporaries[i], paths[i]) != 0)
            return refuse(why, "%s: cannot be replaced: %s", paths[i], strerror(errno));
    return true;
}

bool run_outputs_write(const char *const paths[OUTPUT_COUNT], const npy_array arrays[OUTPUT_COUNT], reason *why)
{
    temporary_names temporaries = {NULL};
    const bool ok = write_all(paths, arrays, temporaries, why);
    for (int i = 0; i < OUTPUT_COUNT; i++) {
        if (temporaries[i] && !ok)
            unlink(temporaries[i]);
        free(temporaries[i]);
    }
    return ok;
}
