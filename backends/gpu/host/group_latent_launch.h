/* The kernels of the forward pass of wide heads by warp groups, one for each element type; instances/group_latent.cpp
 * is compiled once for each. */
#ifndef VARLEN_GPU_HOST_GROUP_LATENT_LAUNCH_H
#define VARLEN_GPU_HOST_GROUP_LATENT_LAUNCH_H

#include "host/group_forward_launch.h"

/* All that follows the plan. */
template <typename T>
varlen_status group_latent_launch(const gpu_state &state, varlen_stream stream, const forward_arguments &args,
                                  const group_forward_tensors &tensors, bool values_in_keys);

#endif
