/* The kernel of the backward pass: blocks of threads that take items until none is left. */
#ifndef VARLEN_GPU_BACKWARD_KERNEL_H
#define VARLEN_GPU_BACKWARD_KERNEL_H

#include "backward_finish.h"
#include "backward_prepare.h"

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
GPU_KERNEL((backward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, WARP>::THREADS),
           (backward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, WARP>::TUNING.blocks))
backward_kernel(GPU_ARGUMENTS(backward_arguments) args)
{
    using INSTANCE = backward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, WARP>;
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
