/* The kernels of the backward pass of wide heads for one type: INSTANCE_TYPE and so on are given on the command line.
 */
#include "warp_tiles/wide_backward_kernel.h"

#include "host/wide_launch.h"
#include "platform/runtime.h"

template <> backward_kernel_shape wide_backward_shape<INSTANCE_TYPE>(const gpu_architecture &architecture)
{
    return with_architecture(architecture, [](auto constant) {
        using instance =
            wide_backward_instance<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, decltype(constant)::value>;
        static_assert(instance::ROWS <= PREPARE_ROWS_LIMIT, "a block's statistics fit");
        const backward_cut cut = {
            instance::KEYS, instance::ROWS, instance::ROWS, instance::HEAD_SLABS * instance::COLUMNS, 1, 1};
        return backward_kernel_shape{cut, 1, instance::THREADS, instance::SHARED_BYTES, instance::FINISH_BYTES};
    });
}

template <>
varlen_status wide_backward_launch<INSTANCE_TYPE>(const gpu_state &state, varlen_stream stream,
                                                  const backward_arguments &args)
{
    const backward_kernel_shape kernel = wide_backward_shape<INSTANCE_TYPE>(*state.architecture);
    const launch_shape prepare = {state.processors * PREPARE_BLOCKS, PREPARE_THREADS, (int32_t)sizeof(prepare_shared),
                                  true};
    const launch_shape tiles = {state.processors * kernel.blocks, kernel.threads, kernel.shared_bytes, true};
    const launch_shape finish = {state.processors * FINISH_BLOCKS, kernel.threads, kernel.finish_bytes};
    const bool finishes = !args.one_tile_each || args.dsinks;
    varlen_status status = launch<prepare_kernel<INSTANCE_TYPE>>(state.device, prepare, stream, args);
    if (status == VARLEN_OK)
        status = launch<wide_backward_kernel<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM>>(state.device, tiles,
                                                                                                    stream, args);
    if (status == VARLEN_OK && finishes)
        status = launch<wide_finish_kernel<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM>>(state.device, finish,
                                                                                                  stream, args);
    return status;
}
