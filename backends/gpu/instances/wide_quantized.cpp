/* The kernel of the forward pass of wide heads over quantised keys and values for one type: INSTANCE_TYPE and so on are
 * given on the command line. */
#include "warp_tiles/wide_forward_kernel.h"

#include "host/wide_launch.h"
#include "platform/runtime.h"

template <> forward_kernel_shape wide_quantized_shape<INSTANCE_TYPE>(const gpu_architecture &architecture)
{
    return with_architecture(architecture, [](auto constant) {
        using instance = wide_forward_instance<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM,
                                               decltype(constant)::value, true>;
        return forward_kernel_shape{instance::ROWS,    instance::ROWS,        instance::ROWS, 1,
                                    instance::THREADS, instance::SHARED_BYTES};
    });
}

template <>
varlen_status wide_quantized_launch<INSTANCE_TYPE>(const gpu_state &state, varlen_stream stream,
                                                   const forward_arguments &args)
{
    const forward_kernel_shape kernel = wide_quantized_shape<INSTANCE_TYPE>(*state.architecture);
    const launch_shape shape = {state.processors * kernel.blocks, kernel.threads, kernel.shared_bytes, true};
    return launch<wide_quantized_kernel<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM>>(state.device, shape,
                                                                                               stream, args);
}
