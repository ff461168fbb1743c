/* The forward pass by groups of warps, on devices with asynchronous products and tensor copies. */
#ifndef VARLEN_GPU_HOST_GROUP_FORWARD_H
#define VARLEN_GPU_HOST_GROUP_FORWARD_H

#include "host/family.h"

bool has_warp_groups(const gpu_architecture &architecture);

/* Whether tensor copies take the rows of keys and values. */
bool keys_suit_boxes(const varlen_attention &attention, family_reason *why);

/* Of a box of keys: a chunk, or what divides both chunks and pages. */
int32_t key_box_rows(const varlen_attention &attention, int32_t chunk_keys);

bool warp_groups_take_forward(const gpu_state &state, const varlen_attention &attention, family_reason *why);
size_t warp_groups_forward_workspace(const gpu_state &state, const varlen_attention &attention);
varlen_status forward_warp_groups(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                                  const varlen_forward_args &args);

constexpr forward_family warp_groups_forward = {"warp_groups", has_warp_groups, warp_groups_take_forward,
                                                warp_groups_forward_workspace, forward_warp_groups};

#endif
