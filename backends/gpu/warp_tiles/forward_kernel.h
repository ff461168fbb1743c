/* The kernels of the forward pass: blocks that take items until none is left, or, of a small batch, each the
 * one that is its own. */
#ifndef VARLEN_GPU_FORWARD_KERNEL_H
#define VARLEN_GPU_FORWARD_KERNEL_H

#include "plan/small_batch.h"
#include "rows/forward_begin.h"
#include "warp_tiles/forward_results.h"
#include "warp_tiles/forward_tile.h"

template <typename INSTANCE, typename LAYOUT>
GPU_DEVICE void forward_tile(const forward_arguments &args, forward_shared &shared)
{
    forward_work<INSTANCE, LAYOUT> work(args, shared);
    work.multiply_all();
    if constexpr (LAYOUT::KEY_WARPS > 1)
        finish_merged(work);
    else
        finish_owned(work);
}

/* What follows from an item for its keys and rows. */
GPU_DEVICE void forward_locate(const forward_arguments &args, forward_shared &shared)
{
    const forward_item &item = shared.item;
    const int32_t row = thread_index();
    if (row == 0)
        shared.keys = key_rows_of(args.problem, args.problem.k, args.problem.k_page_bytes, item.sequence, item.kv_head);
    if (row == WARP)
        shared.values =
            key_rows_of(args.problem, args.problem.v, args.problem.v_page_bytes, item.sequence, item.kv_head);
    if (row < item.rows) {
        query_row place = query_row_at(args.problem, item.kv_head, item.first_row + row);
        int64_t token = (int64_t)item.sequence.first_query + place.query;
        shared.rows[row] = place;
        shared.q_rows[row] = tensor_row(args.problem.q, token, place.head);
        shared.out_rows[row] = tensor_row(args.out, token, place.head);
    }
    block_barrier();
}

template <typename INSTANCE> GPU_DEVICE forward_shared &forward_shared_memory()
{
    return *(forward_shared *)(shared_memory() + INSTANCE::MEMORY_BYTES);
}

/* TILE::work finds the results of the item in shared memory. */
template <typename INSTANCE, typename TILE> GPU_DEVICE void forward_take_items(const forward_arguments &args)
{
    forward_shared &shared = forward_shared_memory<INSTANCE>();
    wait_for_earlier_kernel();
    if (!forward_begin<INSTANCE::THREADS>(args, plan_findings(args.plan)))
        return;
    int32_t number = block_index();
    for (;;) {
        plan_next_item(args.problem, args.plan, args.items, number, shared.item, plan_take_next);
        if (!shared.item.exists)
            return;
        forward_locate(args, shared);
        TILE::work(args, shared);
    }
}

template <typename INSTANCE> struct forward_item_tile {
    static constexpr bool ONE_PREFILL = INSTANCE::QUANTIZED || INSTANCE::prefill::ROWS == INSTANCE::short_prefill::ROWS;

    GPU_DEVICE static void work(const forward_arguments &args, forward_shared &shared)
    {
        if (shared.item.decodes)
            forward_tile<INSTANCE, typename INSTANCE::decode>(args, shared);
        else if (ONE_PREFILL || shared.item.rows > INSTANCE::short_prefill::ROWS)
            forward_tile<INSTANCE, typename INSTANCE::prefill>(args, shared);
        else if constexpr (!ONE_PREFILL)
            forward_tile<INSTANCE, typename INSTANCE::short_prefill>(args, shared);
    }
};

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
GPU_KERNEL((forward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>::THREADS),
           (forward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>::TUNING.blocks))
forward_kernel(GPU_ARGUMENTS(forward_arguments) args)
{
    using INSTANCE = forward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>;
    forward_take_items<INSTANCE, forward_item_tile<INSTANCE>>(args);
}

/* The same for quantised keys and values. */
template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
GPU_KERNEL((forward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE, true>::THREADS),
           (forward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE, true>::TUNING.blocks))
forward_quantized_kernel(GPU_ARGUMENTS(forward_arguments) args)
{
    using INSTANCE = forward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE, true>;
    forward_take_items<INSTANCE, forward_item_tile<INSTANCE>>(args);
}

/* The same for small batches, whose tiles are short. */
template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
GPU_KERNEL((forward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>::THREADS),
           (forward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>::TUNING.blocks))
forward_small_kernel(GPU_ARGUMENTS(forward_arguments) args)
{
    using INSTANCE = forward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>;
    forward_shared &shared = forward_shared_memory<INSTANCE>();
    batch_findings &findings = *(batch_findings *)shared_memory(); /* before there are tiles */
    small_batch_item(args.problem, args.policy, args.validate, findings, shared.item);
    if (!forward_begin<INSTANCE::THREADS>(args, findings) || !shared.item.exists)
        return;
    forward_locate(args, shared);
    if (shared.item.decodes)
        forward_tile<INSTANCE, typename INSTANCE::decode>(args, shared);
    else
        forward_tile<INSTANCE, typename INSTANCE::short_prefill>(args, shared);
}

#endif
