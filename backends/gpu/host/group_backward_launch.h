/* The kernels of the backward pass by warp groups, one set for each combination of template arguments;
 * instances/group_backward.cpp is compiled once for each. */
#ifndef VARLEN_GPU_HOST_GROUP_BACKWARD_LAUNCH_H
#define VARLEN_GPU_HOST_GROUP_BACKWARD_LAUNCH_H

#include "plan/backward_arguments.h"

#include "host/state.h"
#include "host/tensor_layout.h"

struct group_backward_shape {
    int32_t groups; /* that compute */
    int32_t tile_keys;
    int32_t chunk_rows;
    int32_t head_dim;
    int32_t head_swizzle; /* of q and k, and their gradients */
    int32_t value_swizzle;
};

/* The call's tensors in boxes; see group_backward_arguments. */
struct group_backward_tensors {
    int32_t chunk_queries;
    tensor_layout q;
    tensor_layout dout;
    tensor_layout k;
    tensor_layout v;
    tensor_layout dq;
    tensor_layout dk;
    tensor_layout dv;
};

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL> group_backward_shape group_backward_shape_of();

/* All that follows the plan. */
template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
varlen_status group_backward_launch(const gpu_state &state, varlen_stream stream, const backward_arguments &args,
                                    const group_backward_tensors &tensors);

#endif
