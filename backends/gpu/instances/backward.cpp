/* The kernels of the backward pass for one combination: INSTANCE_TYPE and so on are given on the command line. */
#include "warp_tiles/backward_kernel.h"

#include "host/backward_launch.h"
#include "platform/runtime.h"

template <>
backward_kernel_shape backward_shape_of<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>(
    const gpu_architecture &architecture)
{
    return with_architecture(architecture, [](auto constant) {
        using instance = backward_instance<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL,
                                           decltype(constant)::value>;
        static_assert(instance::ROWS <= PREPARE_ROWS_LIMIT, "a block's statistics fit");
        static_assert(sizeof(typename backward_small_batch<instance>::memory_type) <= instance::ITEM_PLACE,
                      "the item of a small batch lies behind what is found before");
        const backward_cut cut = {instance::KEYS,
                                  instance::ROWS,
                                  instance::ROWS,
                                  instance::HEAD_DIM,
                                  1,
                                  copy_shares<instance::THREADS, instance::ROWS>::AT_ONCE};
        return backward_kernel_shape{cut, instance::TUNING.blocks, instance::THREADS, instance::SHARED_BYTES,
                                     instance::FINISH_BYTES};
    });
}

template <>
varlen_status backward_launch<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>(
    const gpu_state &state, varlen_stream stream, const backward_arguments &args)
{
    const backward_kernel_shape kernel =
        backward_shape_of<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>(*state.architecture);
    const launch_shape prepare = {state.processors * PREPARE_BLOCKS, PREPARE_THREADS, (int32_t)sizeof(prepare_shared),
                                  true};
    const launch_shape tiles = {state.processors * kernel.blocks, kernel.threads, kernel.shared_bytes, true};
    /* Blocks that came early would crowd on the processors that are done first. */
    const launch_shape finish = {state.processors * FINISH_BLOCKS, kernel.threads, kernel.finish_bytes};
    const bool finishes = !args.one_tile_each || args.dsinks;
    varlen_status status = launch<prepare_kernel<INSTANCE_TYPE>>(state.device, prepare, stream, args);
    if (status == VARLEN_OK)
        status = launch<backward_kernel<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>>(
            state.device, tiles, stream, args);
    if (status == VARLEN_OK && finishes)
        status = launch<finish_kernel<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>>(
            state.device, finish, stream, args);
    return status;
}

template <>
varlen_status backward_launch_small<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>(
    const gpu_state &state, varlen_stream stream, const backward_arguments &args, int32_t blocks)
{
    const backward_kernel_shape kernel =
        backward_shape_of<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>(*state.architecture);
    const launch_shape shape = {blocks, kernel.threads, kernel.shared_bytes};
    return launch<backward_small_kernel<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, INSTANCE_GENERAL>>(
        state.device, shape, stream, args);
}
