/* The backward pass on tiles of warps: two families, of which small_batch makes do with one launch and no plan. */
#ifndef VARLEN_GPU_HOST_BACKWARD_H
#define VARLEN_GPU_HOST_BACKWARD_H

#include "host/family.h"

bool backward_is_small_batch(const gpu_state &state, const varlen_attention &attention, family_reason *why);
size_t backward_small_batch_workspace(const gpu_state &state, const varlen_attention &attention);
varlen_status backward_small_batch(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                                   const varlen_backward_args &args);

size_t backward_warp_tiles_workspace(const gpu_state &state, const varlen_attention &attention);
varlen_status backward_warp_tiles(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                                  const varlen_backward_args &args);

constexpr backward_family small_batch_backward = {"small_batch", nullptr, backward_is_small_batch,
                                                  backward_small_batch_workspace, backward_small_batch};
constexpr backward_family warp_tiles_backward = {"warp_tiles", nullptr, nullptr, backward_warp_tiles_workspace,
                                                 backward_warp_tiles};

#endif
