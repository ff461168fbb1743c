/* Whether bfloat16 can be multiplied on Intel's matrix unit (AMX). */
#ifndef VARLEN_CPU_AMX_SUPPORT_H
#define VARLEN_CPU_AMX_SUPPORT_H

#include <stdbool.h>

/* Whether the processor has AMX-TILE and AMX-BF16. */
bool cpu_has_amx_bf16(void);

/* Whether this process may use them: asks the operating system for the permission, which holds for all its threads. */
bool cpu_may_use_amx_bf16(void);

#endif
