/* The forward pass on tiles of warps: two families, of which small_batch makes do with one launch and no plan. */
#ifndef VARLEN_GPU_HOST_FORWARD_H
#define VARLEN_GPU_HOST_FORWARD_H

#include "host/family.h"

bool forward_is_small_batch(const gpu_state &state, const varlen_attention &attention, family_reason *why);
varlen_status forward_small_batch(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                                  const varlen_forward_args &args);

size_t forward_warp_tiles_workspace(const gpu_state &state, const varlen_attention &attention);
varlen_status forward_warp_tiles(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                                 const varlen_forward_args &args);

/* A small batch needs no workspace, but is given what the other family needs: sizes do not jump where batches become
 * large. */
constexpr forward_family small_batch_forward = {"small_batch", nullptr, forward_is_small_batch,
                                                forward_warp_tiles_workspace, forward_small_batch};
constexpr forward_family warp_tiles_forward = {"warp_tiles", nullptr, nullptr, forward_warp_tiles_workspace,
                                               forward_warp_tiles};

#endif
