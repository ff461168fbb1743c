/* Writes the output files of `varlen run`: all of them or none. */
#ifndef VARLEN_TOOLS_RUN_OUTPUTS_H
#define VARLEN_TOOLS_RUN_OUTPUTS_H

#include "npy/npy.h"
#include "npy/output_file.h"
#include "run/arguments.h"

/* Refuses two outputs that are one file, and one that is where stdout goes. An output may be one of the inputs: those
 * have been read whole before anything is written. */
bool run_outputs_check(const run_arguments *arguments, reason *why);

typedef struct run_outputs {
    output_file files[OUTPUT_COUNT]; /* zeroed where not wanted */
} run_outputs;

/* Writes all files, beside the ones that they are to replace (output_file.h). */
bool run_outputs_write(const run_arguments *arguments, const npy_array arrays[OUTPUT_COUNT], run_outputs *outputs,
                       reason *why);

/* Puts them into their places. */
bool run_outputs_commit(run_outputs *outputs, reason *why);

/* Removes those that are not in their places. Also after a failure of the two above. */
void run_outputs_free(run_outputs *outputs);

#endif
