/* The forward pass of varlen_forward, and its workspace. */
#ifndef VARLEN_GPU_HOST_FORWARD_H
#define VARLEN_GPU_HOST_FORWARD_H

#include "host/state.h"

size_t gpu_forward_workspace(const gpu_state *state, const varlen_attention *attention);
varlen_status gpu_forward(const gpu_state *state, varlen_stream stream, const varlen_attention *attention,
                          const varlen_forward_args *args);

#endif
