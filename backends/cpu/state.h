/* What the backend keeps of an open context. */
#ifndef VARLEN_CPU_STATE_H
#define VARLEN_CPU_STATE_H

#include "kernels.h"

#include <varlen/backend.h>

#include <stdbool.h>

typedef struct cpu_state {
    const varlen_host *host; /* that opened it */
    const cpu_kernels *kernels;
    int32_t threads;     /* that a call may use, 1 .. CPU_TEAM_THREADS */
    bool follows_openmp; /* the program named no number: calls use no more threads than OpenMP offers at the time */
    int32_t environment; /* that OMP_NUM_THREADS offers */
} cpu_state;

/* The kernels for tensors of a type. */
static inline const cpu_kernels *cpu_kernels_for(const cpu_state *state, varlen_dtype dtype)
{
    return state->kernels->floats && dtype != VARLEN_BFLOAT16 ? state->kernels->floats : state->kernels;
}

/* The host of an open context, as the functions of the table get it. */
static inline const varlen_host *cpu_host(const void *state)
{
    return ((const cpu_state *)state)->host;
}

#endif
