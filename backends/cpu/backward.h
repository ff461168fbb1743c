/* varlen_backward on the CPU. */
#ifndef VARLEN_CPU_BACKWARD_H
#define VARLEN_CPU_BACKWARD_H

#include "state.h"

size_t cpu_backward_workspace(const cpu_state *state, const varlen_attention *attention);
void cpu_backward(const cpu_state *state, const varlen_attention *attention, const varlen_backward_args *args);

#endif
