/* The kernel of the forward pass by warp groups: one copies, the others compute. */
#ifndef VARLEN_GPU_WARP_GROUPS_FORWARD_KERNEL_H
#define VARLEN_GPU_WARP_GROUPS_FORWARD_KERNEL_H

#include "rows/forward_begin.h"
#include "warp_groups/forward_copies.h"
#include "warp_groups/forward_results.h"

/* A WORK is or has group_forward_work. */
template <typename INSTANCE, typename WORK> GPU_DEVICE void compute_row_tiles(WORK &work)
{
    for_each_row_tile<INSTANCE>(work, [&](const forward_item &item, int32_t tile) {
        work.multiply_tile(item, tile);
        group_forward_finish<INSTANCE>(work);
    });
}

template <typename INSTANCE>
GPU_DEVICE void group_forward_compute(const group_forward_arguments &args, group_forward_shared<INSTANCE> &shared,
                                      int32_t group)
{
    group_forward_work<INSTANCE> work(args, shared, group);
    compute_row_tiles<INSTANCE>(work);
}

/* Barriers, and what follows from the plan's findings: whether there is work. SHARED is the block's. */
template <typename INSTANCE, typename SHARED>
GPU_DEVICE bool group_forward_begin(const group_forward_arguments &args, SHARED &shared)
{
    if (thread_index() == 0) {
        shared.create_barriers();
        tensor_map_prefetch(args.q);
        tensor_map_prefetch(args.k);
        tensor_map_prefetch(args.v);
        tensor_map_prefetch(args.out);
    }
    clear_spare_places<INSTANCE>(args);
    block_barrier();
    wait_for_earlier_kernel();
    return forward_begin<INSTANCE::THREADS>(args.call, plan_findings(args.call.plan));
}

template <typename INSTANCE> GPU_DEVICE void group_forward(const group_forward_arguments &args)
{
    using shared_type = group_forward_shared<INSTANCE>;
    static_assert(forward_fits_shared_memory<INSTANCE>, "a block's shared memory");
    shared_type &shared = shared_type::of_block();
    if (!group_forward_begin<INSTANCE>(args, shared))
        return;
    divide_roles<INSTANCE>([&] { group_forward_copy<INSTANCE>(args, shared); },
                           [&](int32_t group) { group_forward_compute<INSTANCE>(args, shared, group); });
}

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
GPU_KERNEL((group_forward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>::THREADS), 1)
group_forward_kernel(GPU_ARGUMENTS(group_forward_arguments) args)
{
    if constexpr (HAS_WARP_GROUPS)
        group_forward<group_forward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>>(args);
}

#endif
