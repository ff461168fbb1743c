/* The kernels of the backward pass of wide heads: blocks that take items until none is left, and what follows them. */
#ifndef VARLEN_GPU_WIDE_BACKWARD_KERNEL_H
#define VARLEN_GPU_WIDE_BACKWARD_KERNEL_H

#include "rows/backward_prepare.h"
#include "warp_tiles/backward_finish.h"
#include "warp_tiles/wide_backward_tile.h"

template <typename T, int HEAD_DIM, int VALUE_DIM>
GPU_KERNEL((wide_backward_instance<T, HEAD_DIM, VALUE_DIM, ARCHITECTURE>::THREADS), 1)
wide_backward_kernel(GPU_ARGUMENTS(backward_arguments) args)
{
    using INSTANCE = wide_backward_instance<T, HEAD_DIM, VALUE_DIM, ARCHITECTURE>;
    backward_item &item = *(backward_item *)(shared_memory() + INSTANCE::ITEM_PLACE);
    wait_for_earlier_kernel();
    if (plan_violation(args.plan) != no_violation)
        return;
    int32_t number = thread_index() == 0 ? plan_take_in_order(args.plan) : 0;
    for (;;) {
        plan_next_item(args.problem, args.plan, args.items, number, item, plan_take_in_order);
        if (!item.exists)
            return;
        wide_backward_work<INSTANCE> work(args, item);
        work.multiply_all();
    }
}

/* dq of the rows of a chunk, as finish_rows in backward_finish.h. */
template <typename INSTANCE>
GPU_DEVICE void finish_wide_rows(const backward_arguments &args, const row_chunk &chunk, int64_t number,
                                 int32_t kv_head)
{
    const int64_t sums = sum_number_of_rows(args, chunk, number, kv_head);
    for (int slab = 0; slab * INSTANCE::COLUMNS < args.problem.head_dim; slab++) {
        typename INSTANCE::dq::sums dq;
        load_flat_sums(dq, wide_dq_sums<INSTANCE>(args, sums, slab));
        store_dq_slab<INSTANCE>(args, chunk.sequence, kv_head, chunk.first_row, chunk.rows, dq, slab);
    }
}

template <typename T, int HEAD_DIM, int VALUE_DIM>
GPU_KERNEL((wide_backward_instance<T, HEAD_DIM, VALUE_DIM, ARCHITECTURE>::THREADS), 1)
wide_finish_kernel(GPU_ARGUMENTS(backward_arguments) args)
{
    using INSTANCE = wide_backward_instance<T, HEAD_DIM, VALUE_DIM, ARCHITECTURE>;
    finish_chunks<INSTANCE>(args, [&](const row_chunk &chunk, int64_t number, int32_t kv_head) {
        finish_wide_rows<INSTANCE>(args, chunk, number, kv_head);
    });
}

#endif
