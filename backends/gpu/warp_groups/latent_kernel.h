/* The kernel of the forward pass of wide heads by warp groups: one copies, two compute. */
#ifndef VARLEN_GPU_WARP_GROUPS_LATENT_KERNEL_H
#define VARLEN_GPU_WARP_GROUPS_LATENT_KERNEL_H

#include "warp_groups/forward_kernel.h"
#include "warp_groups/latent_copies.h"
#include "warp_groups/latent_results.h"

template <typename INSTANCE>
GPU_DEVICE void latent_compute(const latent_arguments &args, latent_shared<INSTANCE> &shared, int32_t group)
{
    latent_work<INSTANCE> work(args, shared, group);
    for_each_item(shared, item_turn<INSTANCE>(args), [&](const forward_item &item) {
        work.multiply_tile(item);
        latent_finish(work);
    });
    stores_wait<0>();
}

template <typename INSTANCE> GPU_DEVICE void latent_forward(const latent_arguments &args)
{
    using shared_type = latent_shared<INSTANCE>;
    static_assert(latent_fits_shared_memory<INSTANCE>, "a block's shared memory");
    shared_type &shared = shared_type::of_block();
    if (!group_forward_begin<INSTANCE>(args, shared))
        return;
    divide_roles<INSTANCE>([&] { latent_copy<INSTANCE>(args, shared); },
                           [&](int32_t group) { latent_compute<INSTANCE>(args, shared, group); });
}

template <typename T, int HEAD_DIM, int VALUE_DIM>
GPU_KERNEL((latent_instance<T, HEAD_DIM, VALUE_DIM, ARCHITECTURE>::THREADS), 1)
latent_kernel(GPU_ARGUMENTS(latent_arguments) args)
{
    if constexpr (HAS_WARP_GROUPS)
        latent_forward<latent_instance<T, HEAD_DIM, VALUE_DIM, ARCHITECTURE>>(args);
}

#endif
