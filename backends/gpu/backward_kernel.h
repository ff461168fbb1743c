/* The kernel of the backward pass: blocks of threads that take items until none is left. */
#ifndef VARLEN_GPU_BACKWARD_KERNEL_H
#define VARLEN_GPU_BACKWARD_KERNEL_H

#include "backward_finish.h"
#include "backward_prepare.h"

/* Reads the description of what warp 0 took last into shared memory, and takes the next. */
GPU_DEVICE void backward_next_item(const backward_arguments &args, int32_t &number, backward_item &item)
{
    constexpr int words = (int)(sizeof(backward_item) / sizeof(int32_t));
    static_assert(words <= WARP, "a word for each thread of a warp");
    block_barrier(); /* nobody reads the last item any more */
    if (thread_index() < WARP) {
        number = warp_first(number);
        const bool exists = number < args.plan.header->items * args.problem.kv_heads;
        const quotient_and_rest place = divide_with_rest(number, args.problem.kv_heads_divisor);
        if (exists && thread_index() < words)
            ((int32_t *)&item)[thread_index()] = ((const int32_t *)&args.items[place.quotient])[thread_index()];
        if (exists && thread_index() == 0)
            number = plan_take_in_order(args.plan);
        warp_barrier();
        if (thread_index() == 0) {
            item.kv_head = place.rest;
            item.exists = exists;
        }
    }
    block_barrier();
}

template <typename INSTANCE>
GPU_KERNEL(INSTANCE::THREADS, INSTANCE::TUNING.blocks)
backward_kernel(GPU_ARGUMENTS(backward_arguments) args)
{
    backward_item &item = *(backward_item *)(shared_memory() + INSTANCE::ITEM_PLACE);
    if (plan_violation(args.plan) != no_violation)
        return;
    int32_t number = thread_index() == 0 ? plan_take_in_order(args.plan) : 0;
    for (;;) {
        backward_next_item(args, number, item);
        if (!item.exists)
            return;
        backward_work<INSTANCE> work(args, item);
        work.multiply_all();
    }
}

#endif
