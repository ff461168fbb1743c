/* The kernel of the forward pass by warp groups over quantised keys and values: one group copies, one widens, the
 * others compute. */
#ifndef VARLEN_GPU_WARP_GROUPS_QUANTIZED_KERNEL_H
#define VARLEN_GPU_WARP_GROUPS_QUANTIZED_KERNEL_H

#include "warp_groups/forward_kernel.h"
#include "warp_groups/quantized_tile.h"

template <typename INSTANCE, bool PAGED>
GPU_DEVICE void copy_key_and_value_bytes(const group_forward_arguments &args, group_quantized_shared<INSTANCE> &shared,
                                         int32_t warp)
{
    const gpu_problem &problem = args.call.problem;
    if (warp == 2)
        copy_chunks<INSTANCE, PAGED>(args, shared, args.k, problem.head_dim, shared.key_bytes, INSTANCE::key_bytes);
    else
        copy_chunks<INSTANCE, PAGED>(args, shared, args.v, problem.value_dim, shared.value_bytes,
                                     INSTANCE::value_bytes);
}

template <typename INSTANCE>
GPU_DEVICE void group_quantized_copy(const group_forward_arguments &args, group_quantized_shared<INSTANCE> &shared)
{
    const int32_t warp = thread_index() / WARP;
    if (warp == 0)
        take_items<INSTANCE>(args, shared);
    else if (warp == 1)
        copy_queries<INSTANCE>(args, shared);
    else if (args.call.problem.metadata.paged)
        copy_key_and_value_bytes<INSTANCE, true>(args, shared, warp);
    else
        copy_key_and_value_bytes<INSTANCE, false>(args, shared, warp);
}

template <typename INSTANCE>
GPU_DEVICE void group_quantized_compute(const group_forward_arguments &args, group_quantized_shared<INSTANCE> &shared,
                                        int32_t group)
{
    group_quantized_work<INSTANCE> work(args, shared, group);
    compute_row_tiles<INSTANCE>(work);
}

/* The group that this thread is of has its part in the block. */
template <typename INSTANCE>
GPU_DEVICE void divide_quantized_roles(const group_forward_arguments &args, group_quantized_shared<INSTANCE> &shared)
{
    if (thread_index() < GROUP) {
        registers_shrink<INSTANCE::TUNING.copying_registers>();
        group_quantized_copy<INSTANCE>(args, shared);
    } else if (thread_index() < 2 * GROUP) {
        registers_shrink<INSTANCE::ITS_TUNING.widening_registers>();
        group_quantized_widen<INSTANCE>(args, shared);
    } else {
        registers_grow<INSTANCE::TUNING.computing_registers>();
        group_quantized_compute<INSTANCE>(args, shared, warp_first(thread_index() / GROUP) - 2);
    }
}

template <typename INSTANCE> GPU_DEVICE void group_quantized(const group_forward_arguments &args)
{
    using shared_type = group_quantized_shared<INSTANCE>;
    static_assert(quantized_fits_shared_memory<INSTANCE>, "a block's shared memory");
    shared_type &shared = shared_type::of_block();
    if (!group_forward_begin<INSTANCE>(args, shared))
        return;
    divide_quantized_roles<INSTANCE>(args, shared);
}

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
GPU_KERNEL((group_quantized_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>::THREADS), 1)
group_quantized_kernel(GPU_ARGUMENTS(group_forward_arguments) args)
{
    if constexpr (HAS_WARP_GROUPS)
        group_quantized<group_quantized_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>>(args);
}

#endif
