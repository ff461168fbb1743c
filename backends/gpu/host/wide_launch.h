/* The kernels of wide heads, one for each type and pass, of all dims above those of the others. They are general. */
#ifndef VARLEN_GPU_HOST_WIDE_LAUNCH_H
#define VARLEN_GPU_HOST_WIDE_LAUNCH_H

#include "host/forward_launch.h"

/* On devices whose kernels are cut for an architecture. */
template <typename T> forward_kernel_shape wide_forward_shape(const gpu_architecture &architecture);

/* All that follows the plan. */
template <typename T>
varlen_status wide_forward_launch(const gpu_state &state, varlen_stream stream, const forward_arguments &args);

#endif
