/* The kernels of the backward pass, one set for each combination of template arguments; instances/backward.cpp is
 * compiled once for each. */
#ifndef VARLEN_GPU_HOST_BACKWARD_LAUNCH_H
#define VARLEN_GPU_HOST_BACKWARD_LAUNCH_H

#include "plan/backward_arguments.h"

#include "host/state.h"

struct backward_kernel_shape {
    backward_cut cut;
    int32_t blocks; /* per processor */
    int32_t threads;
    int32_t shared_bytes;
    int32_t finish_bytes; /* of finish_kernel */
};

/* On devices whose kernels are cut for an architecture. */
template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
backward_kernel_shape backward_shape_of(const gpu_architecture &architecture);

/* All that follows the plan. */
template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
varlen_status backward_launch(const gpu_state &state, varlen_stream stream, const backward_arguments &args);

/* All of a small batch, with a block of threads for each sequence and kv head. */
template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
varlen_status backward_launch_small(const gpu_state &state, varlen_stream stream, const backward_arguments &args,
                                    int32_t blocks);

#endif
