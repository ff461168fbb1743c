/* The backward pass of varlen_backward, and its workspace. */
#ifndef VARLEN_GPU_HOST_BACKWARD_H
#define VARLEN_GPU_HOST_BACKWARD_H

#include "host/state.h"

size_t gpu_backward_workspace(const gpu_state *state, const varlen_attention *attention);
varlen_status gpu_backward(const gpu_state *state, varlen_stream stream, const varlen_attention *attention,
                           const varlen_backward_args *args);

#endif
