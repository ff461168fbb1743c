/* Folders that exist for the duration of a test. */
#ifndef VARLEN_TESTS_SCRATCH_H
#define VARLEN_TESTS_SCRATCH_H

#include <stddef.h>
#include <sys/types.h>

enum { SCRATCH_PATH_SIZE = 512 };

typedef struct scratch {
    char path[SCRATCH_PATH_SIZE]; /* without links */
} scratch;

/* An empty folder that its owner alone may write. Failures of all of these fail the test. */
scratch scratch_create(void);
void scratch_remove(const scratch *folder);

/* Copies a fake plugin into the folder as varlen-<name>.so. */
void scratch_add_plugin(const scratch *folder, const char *plugin, const char *name);

/* Writes a text file into the folder. */
void scratch_add_text(const scratch *folder, const char *file, const char *text);

void scratch_set_mode(const scratch *folder, const char *file, mode_t mode);

/* `file` in the folder; the folder itself if it is "". The text lives until the next call. */
const char *scratch_path(const scratch *folder, const char *file);

#endif
