/* The kernels of the backward pass: blocks that take items until none is left, or, of a small batch, each
 * the one that is its own, with all that goes before it. */
#ifndef VARLEN_GPU_BACKWARD_KERNEL_H
#define VARLEN_GPU_BACKWARD_KERNEL_H

#include "plan/small_batch.h"
#include "rows/backward_prepare.h"
#include "warp_tiles/backward_finish.h"
#include "warp_tiles/backward_tile.h"

/* Small batches have no sequence of more than one tile, so that a block has all rows of a sequence and kv
 * head to itself: nobody else needs its statistics, or adds to its dq. */
template <typename INSTANCE> struct backward_small_batch {
    static constexpr int THREADS = INSTANCE::THREADS;
    using T = typename INSTANCE::T;

    /* Shared memory, before there are tiles. */
    struct memory_type {
        batch_findings findings;
        prepare_shared rows;
    };

    /* The item of this block, into shared memory. A sequence without keys has none, but rows of dq. */
    GPU_DEVICE static void take_item(const backward_arguments &args, backward_item &item)
    {
        const gpu_problem &problem = args.problem;
        memory_type &memory = *(memory_type *)shared_memory();
        if (thread_index() < WARP) {
            const batch_findings found =
                small_batch_findings(problem.metadata, read_small_batch(problem.metadata), args.validate);
            if (thread_index() == 0) {
                memory.findings = found;
                item.exists = 0;
            }
        }
        block_barrier();
        if (!prepare_batch<THREADS>(args, memory.findings))
            return;
        const quotient_and_rest number = divide_with_rest(block_index(), problem.kv_heads_divisor);
        const gpu_sequence sequence = sequence_at(problem, number.quotient);
        prepare_sequence(args, sequence, number.rest, memory.rows);
        if (thread_index() == 0 && sequence.keys > 0) {
            item = backward_policy{problem.group, args.cut}.item(problem, sequence, SMALL_BATCH_SPLIT, 0, 0);
            item.kv_head = number.rest;
            item.exists = 1;
        }
        block_barrier();
    }

    GPU_DEVICE static void prepare_sequence(const backward_arguments &args, const gpu_sequence &sequence,
                                            int32_t kv_head, prepare_shared &shared)
    {
        const gpu_problem &problem = args.problem;
        const int64_t base = first_row_chunk(problem, INSTANCE::ROWS, sequence.index);
        const int32_t chunks = divide_up(sequence.queries * (int32_t)problem.group.divisor, (int32_t)INSTANCE::ROWS);
        for (int32_t n = 0; n < chunks; n++)
            prepare_rows<T, THREADS>(args, row_chunk_of(problem, INSTANCE::ROWS, sequence, n), base + n, kv_head,
                                     shared);
    }
};

template <typename INSTANCE, bool SUMS_DQ>
GPU_DEVICE void backward_tile(const backward_arguments &args, const backward_item &item)
{
    backward_work<INSTANCE, SUMS_DQ> work(args, item);
    work.multiply_all();
}

template <typename INSTANCE> GPU_DEVICE backward_item &backward_shared_item()
{
    return *(backward_item *)(shared_memory() + INSTANCE::ITEM_PLACE);
}

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
GPU_KERNEL((backward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>::THREADS),
           (backward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>::TUNING.blocks))
backward_kernel(GPU_ARGUMENTS(backward_arguments) args)
{
    using INSTANCE = backward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>;
    backward_item &item = backward_shared_item<INSTANCE>();
    wait_for_earlier_kernel();
    if (plan_violation(args.plan) != no_violation)
        return;
    int32_t number = thread_index() == 0 ? plan_take_in_order(args.plan) : 0;
    for (;;) {
        plan_next_item(args.problem, args.plan, args.items, number, item, plan_take_in_order);
        if (!item.exists)
            return;
        backward_tile<INSTANCE, true>(args, item);
    }
}

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
GPU_KERNEL((backward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>::THREADS),
           (backward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>::TUNING.blocks))
backward_small_kernel(GPU_ARGUMENTS(backward_arguments) args)
{
    using INSTANCE = backward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>;
    backward_item &item = backward_shared_item<INSTANCE>();
    backward_small_batch<INSTANCE>::take_item(args, item);
    if (item.exists)
        backward_tile<INSTANCE, false>(args, item);
}

#endif
