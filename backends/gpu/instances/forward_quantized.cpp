/* The kernel of the forward pass over quantised keys and values for one combination: INSTANCE_TYPE and so on are given
 * on the command line. */
#include "warp_tiles/forward_kernel.h"

#include "host/forward_launch.h"
#include "platform/runtime.h"

template <>
forward_kernel_shape forward_quantized_shape<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>(
    const gpu_architecture &architecture)
{
    return with_architecture(architecture, [](auto constant) {
        using instance = forward_instance<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL,
                                          decltype(constant)::value, true>;
        return forward_kernel_shape{instance::prefill::ROWS, instance::prefill::ROWS, instance::decode::ROWS,
                                    instance::TUNING.blocks, instance::THREADS,       instance::SHARED_BYTES};
    });
}

template <>
varlen_status forward_quantized_launch<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>(
    const gpu_state &state, varlen_stream stream, const forward_arguments &args)
{
    const forward_kernel_shape kernel =
        forward_quantized_shape<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>(
            *state.architecture);
    const launch_shape shape = {state.processors * kernel.blocks, kernel.threads, kernel.shared_bytes, true};
    return launch<forward_quantized_kernel<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>>(
        state.device, shape, stream, args);
}
