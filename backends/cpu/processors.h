/* The processors that this process may use. */
#ifndef VARLEN_CPU_PROCESSORS_H
#define VARLEN_CPU_PROCESSORS_H

#include <stdint.h>

/* Those that the calling thread may run on, or as many as the quotas of its cgroups are worth if that is less:
 * 1 .. CPU_TEAM_THREADS. Reads files. */
int32_t cpu_processors(void);

#endif
