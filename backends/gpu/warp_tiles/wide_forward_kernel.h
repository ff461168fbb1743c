/* The kernel of the forward pass of wide heads: blocks that take items until none is left. */
#ifndef VARLEN_GPU_WIDE_FORWARD_KERNEL_H
#define VARLEN_GPU_WIDE_FORWARD_KERNEL_H

#include "warp_tiles/forward_kernel.h"
#include "warp_tiles/wide_forward_results.h"

template <typename T, int HEAD_DIM, int VALUE_DIM>
GPU_KERNEL((wide_forward_instance<T, HEAD_DIM, VALUE_DIM, ARCHITECTURE>::THREADS), 1)
wide_forward_kernel(GPU_ARGUMENTS(forward_arguments) args)
{
    using INSTANCE = wide_forward_instance<T, HEAD_DIM, VALUE_DIM, ARCHITECTURE>;
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
        wide_forward_work<INSTANCE> work(args, shared);
        work.multiply_all();
        wide_forward_finish(work);
    }
}

#endif
