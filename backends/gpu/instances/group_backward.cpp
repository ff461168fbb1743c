/* The kernels of the backward pass by warp groups for one combination: INSTANCE_TYPE and so on are given on the command
 * line. */
#include "warp_groups/backward_kernel.h"

#include "host/group_backward_launch.h"
#include "platform/runtime.h"
#include "platform/tensor_map.h"

template <>
group_backward_shape group_backward_shape_of<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>()
{
    using instance = group_backward_instance<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL,
                                             ARCHITECTURE>; /* sizes are the same for all that have the kernels */
    return {instance::GROUPS,   instance::KEYS,         instance::ROWS,
            instance::HEAD_DIM, instance::HEAD_SWIZZLE, instance::VALUE_SWIZZLE};
}

static varlen_status make_maps(group_backward_arguments &args, const group_backward_tensors &tensors)
{
    const struct {
        tensor_map *map;
        const tensor_layout *layout;
    } all[] = {{&args.q, &tensors.q},   {&args.dout, &tensors.dout}, {&args.k, &tensors.k},  {&args.v, &tensors.v},
               {&args.dq, &tensors.dq}, {&args.dk, &tensors.dk},     {&args.dv, &tensors.dv}};
    for (const auto &one : all) {
        const varlen_status status = make_tensor_map(one.map, *one.layout);
        if (status != VARLEN_OK)
            return status;
    }
    return VARLEN_OK;
}

static varlen_status launch_tiles(const gpu_state &state, varlen_stream stream, const group_backward_arguments &work)
{
    return with_architecture(*state.architecture, [&](auto constant) {
        using instance = group_backward_instance<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL,
                                                 decltype(constant)::value>;
        constexpr int bytes = group_backward_shared_bytes<instance>;
        const launch_shape shape = {state.processors, instance::THREADS, bytes, true};
        return launch<group_backward_kernel<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>>(
            state.device, shape, stream, work);
    });
}

static varlen_status launch_finish(const gpu_state &state, varlen_stream stream, const backward_arguments &args)
{
    return with_architecture(*state.architecture, [&](auto constant) {
        using instance = group_backward_instance<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL,
                                                 decltype(constant)::value>;
        constexpr int bytes = instance::dq_matrix::BYTES; /* one part at least */
        const launch_shape shape = {state.processors * GROUP_FINISH_BLOCKS, GROUP_FINISH_THREADS, bytes};
        return launch<group_finish_kernel<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>>(
            state.device, shape, stream, args);
    });
}

template <>
varlen_status group_backward_launch<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>(
    const gpu_state &state, varlen_stream stream, const backward_arguments &args, const group_backward_tensors &tensors)
{
    group_backward_arguments work;
    work.call = args;
    work.chunk_queries = tensors.chunk_queries;
    const launch_shape prepare = {state.processors * PREPARE_BLOCKS, PREPARE_THREADS, (int32_t)sizeof(prepare_shared),
                                  true};
    varlen_status status = make_maps(work, tensors);
    if (status == VARLEN_OK)
        status = launch<prepare_kernel<INSTANCE_TYPE>>(state.device, prepare, stream, args);
    if (status == VARLEN_OK)
        status = launch_tiles(state, stream, work);
    if (status == VARLEN_OK && (!args.one_tile_each || args.dsinks))
        status = launch_finish(state, stream, args);
    return status;
}
