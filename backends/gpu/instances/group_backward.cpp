/* The kernels of the backward pass by warp groups for one combination: INSTANCE_TYPE and so on are given on the command
 * line. */
#include "instances/group_backward_launches.h"

template <>
group_backward_shape group_backward_shape_of<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>()
{
    return shape_of_group_backward<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL, true>();
}

template <>
varlen_status group_backward_launch<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>(
    const gpu_state &state, varlen_stream stream, const backward_arguments &args, const group_backward_tensors &tensors)
{
    group_backward_arguments work;
    varlen_status status = make_group_backward_arguments(work, args, tensors);
    if (status == VARLEN_OK)
        status = launch_prepare<INSTANCE_TYPE>(state, stream, args);
    if (status == VARLEN_OK)
        status = launch_key_tiles<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL, true>(
            state, stream, work);
    if (status == VARLEN_OK && (!args.one_tile_each || args.dsinks))
        status = launch_finish<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL, true>(
            state, stream, args);
    return status;
}
