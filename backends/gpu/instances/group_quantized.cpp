/* The kernel of the forward pass by warp groups over quantised keys and values for one combination: INSTANCE_TYPE and
 * so on are given on the command line. */
#include "warp_groups/quantized_kernel.h"

#include "instances/group_forward_launches.h"
#include "platform/runtime.h"

template <>
group_forward_shape group_quantized_shape_of<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>()
{
    constexpr group_forward_tuning tuning = group_quantized_tuning_of(INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM).forward;
    return {tuning.groups, tuning.chunk_keys, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM};
}

template <>
varlen_status group_quantized_launch<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>(
    const gpu_state &state, varlen_stream stream, const forward_arguments &args, const group_forward_tensors &tensors)
{
    group_forward_arguments work;
    const varlen_status status = make_group_forward_arguments(work, args, tensors);
    if (status != VARLEN_OK)
        return status;
    return with_architecture(*state.architecture, [&](auto constant) {
        using instance = group_quantized_instance<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM,
                                                  INSTANCE_GENERAL, decltype(constant)::value>;
        constexpr int bytes = group_quantized_shared_bytes<instance>;
        const launch_shape shape = {state.processors, instance::THREADS, bytes, true};
        return launch<group_quantized_kernel<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>>(
            state.device, shape, stream, work);
    });
}
