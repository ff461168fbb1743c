/* The instruction sets that the kernels were compiled for, and the choice among them. */
#ifndef VARLEN_CPU_ISA_H
#define VARLEN_CPU_ISA_H

#include "kernels.h"

#include <varlen/backend.h>

/* The kernels that VARLEN_CPU_ISA asks for; if it is not set or "auto", the best that this processor and its operating
 * system can run. Fails with VARLEN_ERROR_BACKEND_UNAVAILABLE, naming what there is. */
varlen_status cpu_isa_choose(const varlen_host *host, const cpu_kernels **kernels);

/* Puts into words that calls of a context opened with the set `opened` go to `taken`, which is that set or the one that
 * it has for floats, and why they go to none of the others: see explain in varlen/backend.h. */
void cpu_isa_explain(const cpu_kernels *opened, const cpu_kernels *taken, char *text, size_t size);

#endif
