/* Writes the output files of `varlen run`: all of them or none. */
#ifndef VARLEN_TOOLS_RUN_OUTPUTS_H
#define VARLEN_TOOLS_RUN_OUTPUTS_H

#include "npy.h"
#include "run_arguments.h"

/* Each file is written under a temporary name beside its own, and gets its name when all have been written. What exists
 * and is no regular file (/dev/null, a link) is written to directly. */
bool run_outputs_write(const char *const paths[OUTPUT_COUNT], const npy_array arrays[OUTPUT_COUNT], reason *why);

#endif
