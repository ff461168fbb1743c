/* The kernels of the forward pass by warp groups, one for each combination of template arguments;
 * instances/group_forward.cpp is compiled once for each. */
#ifndef VARLEN_GPU_HOST_GROUP_FORWARD_LAUNCH_H
#define VARLEN_GPU_HOST_GROUP_FORWARD_LAUNCH_H

#include "plan/forward_arguments.h"
#include "plan/group_boxes.h"

#include "host/state.h"
#include "host/tensor_layout.h"

struct group_forward_shape {
    int32_t groups; /* that compute */
    int32_t chunk_keys;
    int32_t head_dim;
    int32_t value_dim;
};

/* The call's tensors in boxes; see group_forward_arguments. */
struct group_forward_tensors {
    group_boxes boxes;
    tensor_layout q;
    tensor_layout k;
    tensor_layout v;
    tensor_layout out;
};

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL> group_forward_shape group_forward_shape_of();

/* All that follows the plan. */
template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
varlen_status group_forward_launch(const gpu_state &state, varlen_stream stream, const forward_arguments &args,
                                   const group_forward_tensors &tensors);

/* The same for quantised keys and values; instances/group_quantized.cpp has them. */
template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL> group_forward_shape group_quantized_shape_of();
template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
varlen_status group_quantized_launch(const gpu_state &state, varlen_stream stream, const forward_arguments &args,
                                     const group_forward_tensors &tensors);

#endif
