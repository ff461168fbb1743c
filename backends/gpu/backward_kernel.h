/* The kernel of the backward pass: blocks of threads that take items until none is left. */
#ifndef VARLEN_GPU_BACKWARD_KERNEL_H
#define VARLEN_GPU_BACKWARD_KERNEL_H

#include "backward_finish.h"
#include "backward_prepare.h"

template <typename INSTANCE>
GPU_KERNEL(INSTANCE::THREADS, INSTANCE::TUNING.blocks)
backward_kernel(GPU_ARGUMENTS(backward_arguments) args)
{
    backward_item &item = *(backward_item *)(shared_memory() + INSTANCE::ITEM_PLACE);
    if (plan_violation(args.plan) != no_violation)
        return;
    int32_t number = thread_index() == 0 ? plan_take_in_order(args.plan) : 0;
    for (;;) {
        plan_next_item(args.problem, args.plan, args.items, number, item, plan_take_in_order);
        if (!item.exists)
            return;
        backward_work<INSTANCE> work(args, item);
        work.multiply_all();
    }
}

#endif
