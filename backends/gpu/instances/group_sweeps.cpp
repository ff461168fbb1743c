/* The kernels of the backward pass by warp groups in two sweeps for one combination: INSTANCE_TYPE and so on are given
 * on the command line. */
#include "instances/group_backward_launches.h"

#include "host/group_sweeps_launch.h"
#include "warp_groups/dq_kernel.h"

template <>
group_sweeps_shape group_sweeps_shape_of<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>()
{
    constexpr group_dq_sweep_tuning tuning =
        group_dq_sweep_tuning_of(INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL);
    return {shape_of_group_backward<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL, false>(),
            tuning.groups, tuning.chunk_keys};
}

static varlen_status make_dq_arguments(group_dq_arguments &args, const backward_arguments &call,
                                       const forward_arguments &rows, const group_dq_tensors &tensors)
{
    args.call = rows;
    args.boxes = tensors.boxes;
    args.statistics = call.statistics;
    args.row_chunks = call.row_chunks;
    args.chunk_rows = call.cut.chunk_rows;
    args.stored_rows = call.cut.stored_rows;
    return make_maps({{&args.q, &tensors.q},
                      {&args.dout, &tensors.dout},
                      {&args.k, &tensors.k},
                      {&args.v, &tensors.v},
                      {&args.out, &tensors.dq}});
}

static varlen_status launch_row_tiles(const gpu_state &state, varlen_stream stream, const group_dq_arguments &args)
{
    return with_architecture(*state.architecture, [&](auto constant) {
        using instance = group_dq_instance<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL,
                                           decltype(constant)::value>;
        constexpr int bytes = group_forward_shared_bytes<instance>;
        const launch_shape shape = {state.processors, instance::THREADS, bytes, true};
        return launch<group_dq_kernel<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>>(
            state.device, shape, stream, args);
    });
}

template <>
varlen_status group_sweeps_launch<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>(
    const gpu_state &state, varlen_stream stream, const backward_arguments &args, const group_backward_tensors &tensors,
    const forward_arguments &rows, const group_dq_tensors &dq_tensors)
{
    group_backward_arguments of_keys;
    group_dq_arguments of_rows;
    varlen_status status = make_group_backward_arguments(of_keys, args, tensors);
    if (status == VARLEN_OK)
        status = make_dq_arguments(of_rows, args, rows, dq_tensors);
    if (status == VARLEN_OK)
        status = launch_prepare<INSTANCE_TYPE>(state, stream, args);
    if (status == VARLEN_OK)
        status = launch_row_tiles(state, stream, of_rows);
    if (status == VARLEN_OK)
        status = launch_key_tiles<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL, false>(
            state, stream, of_keys);
    if (status == VARLEN_OK && args.dsinks)
        status = launch_finish<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL, false>(
            state, stream, args);
    return status;
}
