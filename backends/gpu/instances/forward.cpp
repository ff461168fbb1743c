/* The kernels of the forward pass for one combination: INSTANCE_TYPE and so on are given on the command line. */
#include "forward_kernel.h"

#include "host/forward_launch.h"
#include "platform/runtime.h"

using instance = forward_instance<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>;

template <> forward_kernel_shape forward_shape<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>()
{
    return {instance::prefill::ROWS, instance::short_prefill::ROWS, instance::TUNING.blocks};
}

template <>
varlen_status forward_launch<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>(
    const gpu_state &state, varlen_stream stream, const forward_arguments &args)
{
    const launch_shape shape = {state.processors * instance::TUNING.blocks, instance::THREADS, instance::SHARED_BYTES,
                                true};
    return launch<forward_kernel<instance>>(state.device, shape, stream, args);
}

template <>
varlen_status forward_launch_small<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>(
    const gpu_state &state, varlen_stream stream, const forward_arguments &args, int32_t blocks)
{
    const launch_shape shape = {blocks, instance::THREADS, instance::SHARED_BYTES};
    return launch<forward_small_kernel<instance>>(state.device, shape, stream, args);
}
