/* The backward pass by groups of warps in two sweeps, where heads share keys: over tiles of keys for dk and dv, and
 * over tiles of rows for dq. */
#ifndef VARLEN_GPU_HOST_GROUP_SWEEPS_H
#define VARLEN_GPU_HOST_GROUP_SWEEPS_H

#include "host/group_forward.h"

bool group_sweeps_take_backward(const gpu_state &state, const varlen_attention &attention, family_reason *why);
size_t group_sweeps_backward_workspace(const gpu_state &state, const varlen_attention &attention);
varlen_status backward_group_sweeps(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                                    const varlen_backward_args &args);

constexpr backward_family group_sweeps_backward = {"group_sweeps", has_warp_groups, group_sweeps_take_backward,
                                                   group_sweeps_backward_workspace, backward_group_sweeps};

#endif
