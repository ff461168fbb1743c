/* Launches that the backward pass by warp groups has in common, whether it takes one sweep or two. */
#ifndef VARLEN_GPU_INSTANCES_GROUP_BACKWARD_LAUNCHES_H
#define VARLEN_GPU_INSTANCES_GROUP_BACKWARD_LAUNCHES_H

#include "warp_groups/backward_kernel.h"

#include "host/group_backward_launch.h"
#include "platform/runtime.h"
#include "platform/tensor_map.h"

/* Sizes are the same for all architectures that have the kernels. */
template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL, bool DQ>
constexpr group_backward_shape shape_of_group_backward()
{
    using instance = group_backward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE, DQ>;
    return {instance::GROUPS,   instance::KEYS,         instance::ROWS,
            instance::HEAD_DIM, instance::HEAD_SWIZZLE, instance::VALUE_SWIZZLE};
}

struct map_of_layout {
    tensor_map *map;
    const tensor_layout *layout;
};

template <int COUNT> varlen_status make_maps(const map_of_layout (&all)[COUNT])
{
    for (const map_of_layout &one : all) {
        const varlen_status status = make_tensor_map(one.map, *one.layout);
        if (status != VARLEN_OK)
            return status;
    }
    return VARLEN_OK;
}

inline varlen_status make_group_backward_arguments(group_backward_arguments &args, const backward_arguments &call,
                                                   const group_backward_tensors &tensors)
{
    args.call = call;
    args.chunk_queries = tensors.chunk_queries;
    return make_maps({{&args.q, &tensors.q},
                      {&args.dout, &tensors.dout},
                      {&args.k, &tensors.k},
                      {&args.v, &tensors.v},
                      {&args.dq, &tensors.dq},
                      {&args.dk, &tensors.dk},
                      {&args.dv, &tensors.dv}});
}

template <typename T>
varlen_status launch_prepare(const gpu_state &state, varlen_stream stream, const backward_arguments &args)
{
    const launch_shape shape = {state.processors * PREPARE_BLOCKS, PREPARE_THREADS, (int32_t)sizeof(prepare_shared),
                                true};
    return launch<prepare_kernel<T>>(state.device, shape, stream, args);
}

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL, bool DQ>
varlen_status launch_key_tiles(const gpu_state &state, varlen_stream stream, const group_backward_arguments &args)
{
    return with_architecture(*state.architecture, [&](auto constant) {
        using instance = group_backward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, decltype(constant)::value, DQ>;
        constexpr int bytes = group_backward_shared_bytes<instance>;
        const launch_shape shape = {state.processors, instance::THREADS, bytes, true};
        return launch<group_backward_kernel<T, HEAD_DIM, VALUE_DIM, GENERAL, DQ>>(state.device, shape, stream, args);
    });
}

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL, bool DQ>
varlen_status launch_finish(const gpu_state &state, varlen_stream stream, const backward_arguments &args)
{
    return with_architecture(*state.architecture, [&](auto constant) {
        using instance = group_backward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, decltype(constant)::value, DQ>;
        constexpr int bytes = instance::dq_matrix::BYTES; /* one part at least */
        const launch_shape shape = {state.processors * GROUP_FINISH_BLOCKS, GROUP_FINISH_THREADS, bytes};
        return launch<group_finish_kernel<T, HEAD_DIM, VALUE_DIM, GENERAL, DQ>>(state.device, shape, stream, args);
    });
}

#endif
