/* The kernels of the backward pass for one combination: INSTANCE_TYPE and so on are given on the command line. */
#include "backward_kernel.h"

#include "host/backward_launch.h"
#include "platform/runtime.h"

using instance = backward_instance<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>;

template <> backward_shape backward_shape_of<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>()
{
    return {instance::KEYS, instance::ROWS, instance::HEAD_DIM,
            copy_shares<instance::THREADS, instance::ROWS>::AT_ONCE};
}

template <>
varlen_status backward_launch<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>(
    const gpu_state &state, varlen_stream stream, const backward_arguments &args)
{
    static_assert(instance::ROWS <= PREPARE_ROWS_LIMIT, "a block's statistics fit");
    const launch_shape prepare = {state.processors * PREPARE_BLOCKS, PREPARE_THREADS, (int32_t)sizeof(prepare_shared),
                                  true};
    const launch_shape tiles = {state.processors * instance::TUNING.blocks, instance::THREADS, instance::SHARED_BYTES,
                                true};
    /* Blocks that came early would crowd on the processors that are done first. */
    const launch_shape finish = {state.processors * FINISH_BLOCKS, instance::THREADS, instance::Q_BYTES};
    const bool finishes = !args.one_tile_each || args.dsinks;
    varlen_status status = launch<prepare_kernel<INSTANCE_TYPE>>(state.device, prepare, stream, args);
    if (status == VARLEN_OK)
        status = launch<backward_kernel<instance>>(state.device, tiles, stream, args);
    if (status == VARLEN_OK && finishes)
        status = launch<finish_kernel<instance>>(state.device, finish, stream, args);
    return status;
}

template <>
varlen_status backward_launch_small<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>(
    const gpu_state &state, varlen_stream stream, const backward_arguments &args, int32_t blocks)
{
    using memory_type = typename backward_small_batch<instance>::memory_type;
    static_assert(sizeof(memory_type) <= instance::ITEM_PLACE, "the item lies behind it");
    const launch_shape shape = {blocks, instance::THREADS, instance::SHARED_BYTES};
    return launch<backward_small_kernel<instance>>(state.device, shape, stream, args);
}
