/* The instruction sets that the kernels were compiled for, and the choice among them. */
#ifndef VARLEN_CPU_ISA_H
#define VARLEN_CPU_ISA_H

#include "kernels.h"

#include <varlen/backend.h>

/* The kernels that VARLEN_CPU_ISA asks for; if it is not set or "auto", the best that this processor and its operating
 * system can run. Fails with VARLEN_ERROR_BACKEND_UNAVAILABLE, naming what there is. */
varlen_status cpu_isa_choose(const varlen_host *host, const cpu_kernels **kernels);

#endif
