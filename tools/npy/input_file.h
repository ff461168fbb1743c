/* A file that a command reads from its start to its end: a regular file, or a pipe. */
#ifndef VARLEN_TOOLS_INPUT_FILE_H
#define VARLEN_TOOLS_INPUT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "reason.h"

typedef struct input_file {
    const char *path;
    int descriptor;
    int64_t size;    /* in bytes; -1 = not known, a pipe */
    bool has_writer; /* of a pipe: a process has been seen at its other end */
} input_file;

/* Never waits. Folders and devices are refused. Reasons of these functions begin with the path. */
bool input_file_open(input_file *file, const char *path, reason *why);

/* Reads `size` bytes, fewer only at the end of the file; *count is how many. Waits for the process that writes into a
 * pipe as long as there is one, and refuses a pipe that none opens within a few seconds. */
bool input_file_read(input_file *file, void *target, size_t size, size_t *count, reason *why);

void input_file_close(input_file *file);

#endif
