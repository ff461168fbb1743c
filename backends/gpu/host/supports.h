/* Which problems the backend takes, and the workspace that they need. */
#ifndef VARLEN_GPU_HOST_SUPPORTS_H
#define VARLEN_GPU_HOST_SUPPORTS_H

#include <varlen/backend.h>

varlen_status gpu_supports(void *state, const varlen_attention *attention, varlen_pass pass);
varlen_status gpu_workspace_size(void *state, const varlen_attention *attention, varlen_pass pass, size_t *size);

#endif
