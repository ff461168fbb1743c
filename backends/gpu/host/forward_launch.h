/* The kernels of the forward pass, one for each combination of template arguments; instances/forward.cpp is compiled
 * once for each. */
#ifndef VARLEN_GPU_HOST_FORWARD_LAUNCH_H
#define VARLEN_GPU_HOST_FORWARD_LAUNCH_H

#include "plan/forward_arguments.h"

#include "host/state.h"

struct forward_kernel_shape {
    int32_t tile_rows;
    int32_t short_tile_rows; /* of the layout that takes the least time for one tile */
    int32_t decode_tile_rows;
    int32_t blocks; /* per processor */
    int32_t threads;
    int32_t shared_bytes;
};

/* On devices whose kernels are cut for an architecture. */
template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
forward_kernel_shape forward_shape(const gpu_architecture &architecture);

/* All that follows the plan. */
template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
varlen_status forward_launch(const gpu_state &state, varlen_stream stream, const forward_arguments &args);

/* All of a small batch, with a block of threads for each item that there can be. */
template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
varlen_status forward_launch_small(const gpu_state &state, varlen_stream stream, const forward_arguments &args,
                                   int32_t blocks);

/* The same for quantised keys and values, whose kernels are general; instances/forward_quantized.cpp has them. */
template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
forward_kernel_shape forward_quantized_shape(const gpu_architecture &architecture);
template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
varlen_status forward_quantized_launch(const gpu_state &state, varlen_stream stream, const forward_arguments &args);

#endif
