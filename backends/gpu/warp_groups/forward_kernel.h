/* The kernel of the forward pass by warp groups: one copies, the others compute. */
#ifndef VARLEN_GPU_WARP_GROUPS_FORWARD_KERNEL_H
#define VARLEN_GPU_WARP_GROUPS_FORWARD_KERNEL_H

#include "rows/forward_begin.h"
#include "warp_groups/forward_copies.h"
#include "warp_groups/forward_results.h"

/* One tile after another, as group_forward_copies numbers them. */
template <typename INSTANCE>
GPU_DEVICE void group_forward_compute(const group_forward_arguments &args, group_forward_shared<INSTANCE> &shared,
                                      int32_t group)
{
    constexpr int GROUPS = INSTANCE::GROUPS;
    group_forward_work<INSTANCE> work(args, shared, group);
    int32_t next_group = 0;
    for_each_item(shared, item_turn<INSTANCE>(args), [&](const forward_item &item) {
        const int32_t tiles = divide_up(item.rows, args.boxes.tile_rows);
        const int32_t tile = (group - next_group + GROUPS) % GROUPS;
        if (tile < tiles) {
            work.multiply_tile(item, tile);
            group_forward_finish(work);
        } else {
            work.pass_by_item(item);
        }
        next_group = (next_group + tiles) % GROUPS;
    });
    work.leave_queries();
    stores_wait<0>();
}

/* What no copy fills, but products read: rows of a tile, where the heads of a group do not divide it, and panels. */
template <typename INSTANCE> GPU_DEVICE void clear_spare_places(const group_forward_arguments &args)
{
    using key_matrix = typename INSTANCE::key_matrix;
    using value_matrix = typename INSTANCE::value_matrix;
    if (args.boxes.tile_rows == TILE_ROWS && panels_of<key_matrix>(args.call.problem.head_dim) == key_matrix::PANELS &&
        panels_of<value_matrix>(args.call.problem.value_dim) == value_matrix::PANELS)
        return;
    for (int32_t byte = thread_index() * 16; byte < INSTANCE::STATE_AT; byte += INSTANCE::THREADS * 16)
        store_16(shared_memory() + byte, {{0, 0, 0, 0}});
    fence_shared();
}

template <typename INSTANCE> GPU_DEVICE void group_forward(const group_forward_arguments &args)
{
    using shared_type = group_forward_shared<INSTANCE>;
    shared_type &shared = shared_type::of_block();
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
    if (!forward_begin<INSTANCE::THREADS>(args.call, plan_findings(args.call.plan)))
        return;
    if (thread_index() < GROUP) {
        registers_shrink<INSTANCE::TUNING.copying_registers>();
        group_forward_copy<INSTANCE>(args, shared);
    } else {
        registers_grow<INSTANCE::TUNING.computing_registers>();
        group_forward_compute<INSTANCE>(args, shared, warp_first(thread_index() / GROUP) - 1);
    }
}

/* Code for other architectures is empty, and never launched. */
constexpr bool HAS_WARP_GROUPS = find_architecture(ARCHITECTURE)->async_products;

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
GPU_KERNEL((group_forward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>::THREADS), 1)
group_forward_kernel(GPU_ARGUMENTS(group_forward_arguments) args)
{
    if constexpr (HAS_WARP_GROUPS)
        group_forward<group_forward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>>(args);
}

#endif
