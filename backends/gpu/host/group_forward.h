/* The forward pass by groups of warps, on devices with asynchronous products and tensor copies. */
#ifndef VARLEN_GPU_HOST_GROUP_FORWARD_H
#define VARLEN_GPU_HOST_GROUP_FORWARD_H

#include "host/family.h"

bool has_warp_groups(const gpu_architecture &architecture);
bool warp_groups_take_forward(const gpu_state &state, const varlen_attention &attention, family_reason *why);
size_t warp_groups_forward_workspace(const gpu_state &state, const varlen_attention &attention);
varlen_status forward_warp_groups(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                                  const varlen_forward_args &args);

constexpr forward_family warp_groups_forward = {"warp_groups", has_warp_groups, warp_groups_take_forward,
                                                warp_groups_forward_workspace, forward_warp_groups};

#endif
