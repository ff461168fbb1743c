/* The kernel that finds dq by itself, where tiles of keys do not add to it: one warp group copies, the others compute.
 */
#ifndef VARLEN_GPU_WARP_GROUPS_DQ_KERNEL_H
#define VARLEN_GPU_WARP_GROUPS_DQ_KERNEL_H

#include "warp_groups/dq_tile.h"
#include "warp_groups/forward_copies.h"

/* Queries and dO of each tile. */
template <typename INSTANCE>
GPU_DEVICE void copy_queries_and_douts(const group_dq_arguments &args, group_forward_shared<INSTANCE> &shared)
{
    using query_matrix = typename INSTANCE::query_matrix;
    using dout_matrix = typename INSTANCE::dout_matrix;
    const int32_t query_panels = query_matrix::PANELS; /* all, for dq has been there */
    const int32_t dout_panels = panels_of<dout_matrix>(args.call.problem.value_dim);
    const int32_t row_bytes = query_panels * query_matrix::SWIZZLE + dout_panels * dout_matrix::SWIZZLE;
    copy_row_tiles<INSTANCE>(args, shared, [&](int32_t place, const forward_item &item, int32_t first) {
        arrival_barrier &full = shared.queries[place].full;
        const int32_t panel = group_lane();
        const int32_t of_dout = panel - query_panels;
        if (panel == 0)
            full.arrive_and_expect(args.boxes.tile_rows * row_bytes);
        warp_barrier();
        if (of_dout < 0)
            copy_tensor(INSTANCE::queries(place).panel(panel), args.q,
                        {panel * query_matrix::PANEL, 0, first, item.kv_head}, full);
        else if (of_dout < dout_panels)
            copy_tensor(INSTANCE::douts(place).panel(of_dout), args.dout,
                        {of_dout * dout_matrix::PANEL, 0, first, item.kv_head}, full);
    });
}

template <typename INSTANCE>
GPU_DEVICE void group_dq_copy(const group_dq_arguments &args, group_forward_shared<INSTANCE> &shared)
{
    const int32_t warp = thread_index() / WARP;
    if (warp == 0)
        take_items<INSTANCE>(args, shared);
    else if (warp == 1)
        copy_queries_and_douts(args, shared);
    else
        copy_keys_and_values<INSTANCE, false>(args, shared, warp);
}

template <typename INSTANCE>
GPU_DEVICE void group_dq_compute(const group_dq_arguments &args, group_forward_shared<INSTANCE> &shared, int32_t group)
{
    group_dq_work<INSTANCE> work(args, shared, group);
    for_each_row_tile<INSTANCE>(work, [&](const forward_item &item, int32_t tile) {
        work.multiply_tile(item, tile);
        work.store_dq();
    });
}

template <typename INSTANCE> GPU_DEVICE void group_dq(const group_dq_arguments &args)
{
    static_assert(forward_fits_shared_memory<INSTANCE>, "a block's shared memory");
    using shared_type = group_forward_shared<INSTANCE>;
    shared_type &shared = shared_type::of_block();
    if (thread_index() == 0) {
        shared.create_barriers();
        tensor_map_prefetch(args.q);
        tensor_map_prefetch(args.dout);
        tensor_map_prefetch(args.k);
        tensor_map_prefetch(args.v);
        tensor_map_prefetch(args.out);
    }
    clear_spare_places<INSTANCE>(args);
    block_barrier();
    wait_for_earlier_kernel();
    let_next_kernel_start();
    if (plan_violation(args.call.plan) != no_violation)
        return;
    divide_roles<INSTANCE>([&] { group_dq_copy<INSTANCE>(args, shared); },
                           [&](int32_t group) { group_dq_compute<INSTANCE>(args, shared, group); });
}

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
GPU_KERNEL((group_dq_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>::THREADS), 1)
group_dq_kernel(GPU_ARGUMENTS(group_dq_arguments) args)
{
    if constexpr (HAS_WARP_GROUPS)
        group_dq<group_dq_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>>(args);
}

#endif
