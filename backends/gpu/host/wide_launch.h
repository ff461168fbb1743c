/* The kernels of wide heads, of all dims above those of the others: one for each type and pass, and forward one more
 * for quantised keys and values. They are general. */
#ifndef VARLEN_GPU_HOST_WIDE_LAUNCH_H
#define VARLEN_GPU_HOST_WIDE_LAUNCH_H

#include "host/backward_launch.h"
#include "host/forward_launch.h"

/* On devices whose kernels are cut for an architecture. */
template <typename T> forward_kernel_shape wide_forward_shape(const gpu_architecture &architecture);
template <typename T> forward_kernel_shape wide_quantized_shape(const gpu_architecture &architecture);
template <typename T> backward_kernel_shape wide_backward_shape(const gpu_architecture &architecture);

/* All that follows the plan. */
template <typename T>
varlen_status wide_forward_launch(const gpu_state &state, varlen_stream stream, const forward_arguments &args);
template <typename T>
varlen_status wide_quantized_launch(const gpu_state &state, varlen_stream stream, const forward_arguments &args);
template <typename T>
varlen_status wide_backward_launch(const gpu_state &state, varlen_stream stream, const backward_arguments &args);

#endif
