/* The kernel of the forward pass of wide heads by warp groups for one combination: INSTANCE_TYPE and so on are given on
 * the command line. */
#include "warp_groups/latent_kernel.h"

#include "host/group_latent_launch.h"
#include "platform/runtime.h"
#include "platform/tensor_map.h"

static varlen_status make_maps(latent_arguments &args, const group_forward_tensors &tensors)
{
    varlen_status status = make_tensor_map(&args.q, tensors.q);
    if (status == VARLEN_OK)
        status = make_tensor_map(&args.k, tensors.k);
    if (status == VARLEN_OK)
        status = make_tensor_map(&args.v, tensors.v);
    return status == VARLEN_OK ? make_tensor_map(&args.out, tensors.out) : status;
}

template <>
varlen_status group_latent_launch<INSTANCE_TYPE>(const gpu_state &state, varlen_stream stream,
                                                 const forward_arguments &args, const group_forward_tensors &tensors,
                                                 bool values_in_keys)
{
    latent_arguments work;
    work.call = args;
    work.boxes = tensors.boxes;
    work.values_in_keys = values_in_keys;
    const varlen_status status = make_maps(work, tensors);
    if (status != VARLEN_OK)
        return status;
    return with_architecture(*state.architecture, [&](auto constant) {
        using instance =
            latent_instance<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM, decltype(constant)::value>;
        const launch_shape shape = {state.processors, instance::THREADS, latent_shared_bytes<instance>, true};
        return launch<latent_kernel<INSTANCE_TYPE, INSTANCE_HEAD_DIM, INSTANCE_VALUE_DIM>>(state.device, shape, stream,
                                                                                           work);
    });
}
