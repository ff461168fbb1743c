/* The backward pass by groups of warps, on devices with asynchronous products and tensor copies. */
#ifndef VARLEN_GPU_HOST_GROUP_BACKWARD_H
#define VARLEN_GPU_HOST_GROUP_BACKWARD_H

#include "host/group_forward.h"

bool warp_groups_take_backward(const gpu_state &state, const varlen_attention &attention, family_reason *why);
size_t warp_groups_backward_workspace(const gpu_state &state, const varlen_attention &attention);
varlen_status backward_warp_groups(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                                   const varlen_backward_args &args);

constexpr backward_family warp_groups_backward = {"warp_groups", has_warp_groups, warp_groups_take_backward,
                                                  warp_groups_backward_workspace, backward_warp_groups};

#endif
