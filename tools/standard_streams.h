/* stdin, stdout and stderr of the command. */
#ifndef VARLEN_TOOLS_STANDARD_STREAMS_H
#define VARLEN_TOOLS_STANDARD_STREAMS_H

#include <stdbool.h>

#include "reason.h"

/* Before anything is opened: streams that are closed become ones that fail, so that no file takes their place. */
void standard_streams_prepare(void);

/* Says that something could not be printed, for want of memory. */
void standard_output_lost(void);

/* False, with the reason, unless everything that was printed so far has reached stdout. */
bool standard_output_check(reason *why);

/* The same at the end, where stdout is closed. */
bool standard_output_finish(reason *why);

#endif
