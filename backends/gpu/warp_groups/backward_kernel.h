/* The kernels of the backward pass by warp groups: one group copies, the others compute; and dq from its sums. */
#ifndef VARLEN_GPU_WARP_GROUPS_BACKWARD_KERNEL_H
#define VARLEN_GPU_WARP_GROUPS_BACKWARD_KERNEL_H

#include "rows/backward_prepare.h"
#include "warp_groups/backward_copies.h"
#include "warp_groups/backward_finish.h"
#include "warp_groups/backward_results.h"

template <typename INSTANCE>
GPU_DEVICE void group_backward_compute(const group_backward_arguments &args, group_backward_shared<INSTANCE> &shared,
                                       int32_t group)
{
    group_backward_work<INSTANCE> work(args, shared, group);
    for_each_item(shared, stage_turn<INSTANCE::ITEMS>(), [&](const backward_item &item) {
        work.multiply_tile(item);
        store_dk_and_dv(work);
    });
    work.leave_keys();
    stores_wait<0>();
}

/* What no copy fills, but products read: rows of a chunk, where the heads of a group do not divide it, and columns. */
template <typename INSTANCE> GPU_DEVICE void clear_spare_places(const backward_arguments &call)
{
    if (call.cut.chunk_rows == INSTANCE::ROWS &&
        panels_of<typename INSTANCE::key_matrix>(call.problem.head_dim) == INSTANCE::key_matrix::PANELS &&
        panels_of<typename INSTANCE::value_matrix>(call.problem.value_dim) == INSTANCE::value_matrix::PANELS)
        return;
    for (int32_t byte = thread_index() * 16; byte < INSTANCE::INPUTS_END; byte += INSTANCE::THREADS * 16)
        store_16(shared_memory() + byte, {{0, 0, 0, 0}});
    fence_shared();
}

template <typename INSTANCE> GPU_DEVICE void group_backward(const group_backward_arguments &args)
{
    using shared_type = group_backward_shared<INSTANCE>;
    static_assert(fits_shared_memory<INSTANCE>, "a block's shared memory");
    shared_type &shared = shared_type::of_block();
    if (thread_index() == 0) {
        shared.create_barriers();
        tensor_map_prefetch(args.q);
        tensor_map_prefetch(args.dout);
        tensor_map_prefetch(args.k);
        tensor_map_prefetch(args.v);
    }
    clear_spare_places<INSTANCE>(args.call);
    block_barrier();
    wait_for_earlier_kernel();
    if (plan_violation(args.call.plan) != no_violation)
        return;
    divide_roles<INSTANCE>([&] { group_backward_copy<INSTANCE>(args, shared); },
                           [&](int32_t group) { group_backward_compute<INSTANCE>(args, shared, group); });
}

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL, bool DQ>
GPU_KERNEL((group_backward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE, DQ>::THREADS), 1)
group_backward_kernel(GPU_ARGUMENTS(group_backward_arguments) args)
{
    if constexpr (HAS_WARP_GROUPS)
        group_backward<group_backward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE, DQ>>(args);
}

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL, bool DQ>
GPU_KERNEL(GROUP_FINISH_THREADS, 4)
group_finish_kernel(GPU_ARGUMENTS(backward_arguments) args)
{
    if constexpr (HAS_WARP_GROUPS)
        group_finish<group_backward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE, DQ>>(args);
}

#endif
