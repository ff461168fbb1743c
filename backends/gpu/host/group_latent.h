/* The forward pass of wide heads by groups of warps, on devices with asynchronous products and tensor copies: latent
 * attention, and dims above 256 of whose head_dim columns values have no more. */
#ifndef VARLEN_GPU_HOST_GROUP_LATENT_H
#define VARLEN_GPU_HOST_GROUP_LATENT_H

#include "host/group_forward.h"

constexpr int32_t LATENT_HEAD_DIM = 576;
constexpr int32_t LATENT_VALUE_DIM = 512;

bool latent_takes_forward(const gpu_state &state, const varlen_attention &attention, family_reason *why);
size_t latent_forward_workspace(const gpu_state &state, const varlen_attention &attention);
varlen_status forward_latent(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                             const varlen_forward_args &args);

constexpr forward_family latent_forward = {"latent", has_warp_groups, latent_takes_forward, latent_forward_workspace,
                                           forward_latent};

#endif
