/* What OpenMP offers, for programs that set their number of threads through it. The backend itself does not use it. */
#ifndef VARLEN_CPU_OPENMP_H
#define VARLEN_CPU_OPENMP_H

#include <stdint.h>

enum { CPU_OPENMP_SILENT = INT32_MAX };

/* The threads that a parallel region would get which the calling thread began now: the least that the runtimes loaded
 * in the process say; `otherwise` if there are none. */
int32_t cpu_openmp_threads(int32_t otherwise);

/* What OMP_NUM_THREADS says; CPU_OPENMP_SILENT if nothing. */
int32_t cpu_openmp_environment(void);

/* The first number of OMP_NUM_THREADS, a list; CPU_OPENMP_SILENT if there is none. `text` may be NULL. */
int32_t cpu_openmp_parse(const char *text);

#endif
