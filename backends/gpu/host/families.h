/* The attention passes by families of kernels: which family a call goes to, and what all of them together need. */
#ifndef VARLEN_GPU_HOST_FAMILIES_H
#define VARLEN_GPU_HOST_FAMILIES_H

#include "host/state.h"

/* Reads VARLEN_GPU_KERNELS into a state whose device is known. Refuses a name that no family of the device has. */
varlen_status gpu_choose_families(gpu_state *state);

/* Refuses what the family that is forced declines. */
varlen_status gpu_families_support(const gpu_state *state, const varlen_attention *attention, varlen_pass pass);

/* Of the family that the problem's calls go to. */
size_t gpu_families_workspace(const gpu_state *state, const varlen_attention *attention, varlen_pass pass);

varlen_status gpu_forward(const gpu_state *state, varlen_stream stream, const varlen_attention *attention,
                          const varlen_forward_args *args);
varlen_status gpu_backward(const gpu_state *state, varlen_stream stream, const varlen_attention *attention,
                           const varlen_backward_args *args);

/* As kernel_families in varlen/backend.h. */
int32_t gpu_kernel_families(void *state, int32_t index, varlen_kernel_family *family);

/* As explain in varlen/backend.h. */
varlen_status gpu_explain(void *state, const varlen_attention *attention, varlen_pass pass, char *text, size_t size);

#endif
