/* varlen_forward on the CPU. */
#ifndef VARLEN_CPU_FORWARD_H
#define VARLEN_CPU_FORWARD_H

#include "state.h"

size_t cpu_forward_workspace(const cpu_state *state, const varlen_attention *attention);
void cpu_forward(const cpu_state *state, const varlen_attention *attention, const varlen_forward_args *args);

#endif
