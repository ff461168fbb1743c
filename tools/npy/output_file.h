/* A file that a command writes: it is replaced whole, or left as it was. */
#ifndef VARLEN_TOOLS_OUTPUT_FILE_H
#define VARLEN_TOOLS_OUTPUT_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "reason.h"

typedef struct output_file {
    const char *path;         /* as it was given */
    FILE *stream;             /* to write to */
    char target[PATH_MAX];    /* where links lead */
    char temporary[PATH_MAX]; /* beside the target; "": written to directly */
    bool replaces;            /* there is a target, whose mode and owner are to be kept */
} output_file;

/* Opens a new file beside the one that `path` leads to. What exists and is no regular file (a device, a pipe) is
 * written to directly. Links are followed and stay. A pipe that no process reads and a file that is write-protected are
 * refused. Reasons of these functions begin with the path. */
bool output_file_open(output_file *file, const char *path, reason *why);

/* Ends the writing, and sees to it that the bytes are on the disk. The target is still as it was. */
bool output_file_finish(output_file *file, reason *why);

/* Puts finished files into their places, all of them at once as far as signals go. */
bool output_files_commit(output_file *files, int count, reason *why);

/* Removes what was not committed and releases the rest. Also after a failure, and on a zeroed file. */
void output_file_discard(output_file *file);

/* Whether a file can be written there: to be asked before long work. Changes nothing. */
bool output_file_possible(const char *path, reason *why);

/* Whether two paths lead to one file, which exists or would be created. Not so for devices, which keep nothing. */
bool output_paths_meet(const char *left, const char *right);

/* Whether the path leads to where stdout goes. Not so for devices. */
bool output_path_is_stdout(const char *path);

#endif
