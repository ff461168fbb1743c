/* Writes the output files of `varlen run`: all of them or none. */
#ifndef VARLEN_TOOLS_RUN_OUTPUTS_H
#define VARLEN_TOOLS_RUN_OUTPUTS_H

#include "npy.h"
#include "run_arguments.h"

/* Refuses two outputs that are one file, and one that is where stdout goes. An output may be one of the inputs: those
 * have been read whole before anything is written. */
bool run_outputs_check(const run_arguments *arguments, reason *why);

/* Writes all files beside the ones that they replace, then puts them into their places (output_file.h). */
bool run_outputs_write(const run_arguments *arguments, const npy_array arrays[OUTPUT_COUNT], reason *why);

#endif
