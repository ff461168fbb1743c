/* The kernels of the backward pass by warp groups in two sweeps, one over tiles of keys for dk and dv, one over tiles
 * of rows for dq; one set for each combination of template arguments. instances/group_sweeps.cpp is compiled once for
 * each.
 */
#ifndef VARLEN_GPU_HOST_GROUP_SWEEPS_LAUNCH_H
#define VARLEN_GPU_HOST_GROUP_SWEEPS_LAUNCH_H

#include "host/group_backward_launch.h"
#include "plan/forward_arguments.h"
#include "plan/group_boxes.h"

struct group_sweeps_shape {
    group_backward_shape keys;
    int32_t dq_groups; /* that compute in the sweep for dq */
    int32_t dq_chunk_keys;
};

/* The call's tensors in boxes; see group_dq_arguments. */
struct group_dq_tensors {
    group_boxes boxes;
    tensor_layout q;
    tensor_layout dout;
    tensor_layout k;
    tensor_layout v;
    tensor_layout dq;
};

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL> group_sweeps_shape group_sweeps_shape_of();

/* All that follows the plans: of tiles of keys, in `args`, and of tiles of rows. */
template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
varlen_status group_sweeps_launch(const gpu_state &state, varlen_stream stream, const backward_arguments &args,
                                  const group_backward_tensors &tensors, const forward_arguments &rows,
                                  const group_dq_tensors &dq_tensors);

#endif
