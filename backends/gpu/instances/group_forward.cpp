/* The kernel of the forward pass by warp groups for one combination: INSTANCE_TYPE and so on are given on the command
 * line. */
#include "warp_groups/forward_kernel.h"

#include "instances/group_forward_launches.h"
#include "platform/runtime.h"

template <>
group_forward_shape group_forward_shape_of<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>()
{
    constexpr group_forward_tuning tuning =
        group_forward_tuning_of(INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL);
    return {tuning.groups, tuning.chunk_keys, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM};
}

template <>
varlen_status group_forward_launch<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>(
    const gpu_state &state, varlen_stream stream, const forward_arguments &args, const group_forward_tensors &tensors)
{
    group_forward_arguments work;
    const varlen_status status = make_group_forward_arguments(work, args, tensors);
    if (status != VARLEN_OK)
        return status;
    return with_architecture(*state.architecture, [&](auto constant) {
        using instance = group_forward_instance<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL,
                                                decltype(constant)::value>;
        constexpr int bytes = group_forward_shared_bytes<instance>;
        const launch_shape shape = {state.processors, instance::THREADS, bytes, true};
        return launch<group_forward_kernel<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>>(
            state.device, shape, stream, work);
    });
}
