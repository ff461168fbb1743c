/* After the tiles of the backward pass: dq from the sums over tiles, and dsinks from its parts. */
#ifndef VARLEN_GPU_BACKWARD_FINISH_H
#define VARLEN_GPU_BACKWARD_FINISH_H

#include "rows/dsinks.h"
#include "warp_tiles/backward_results.h"

enum {
    FINISH_BLOCKS = 4, /* per processor */
};

/* dq of the rows of a chunk, which has that number among those of all sequences. */
template <typename INSTANCE>
GPU_DEVICE void finish_rows(const backward_arguments &args, const row_chunk &chunk, int64_t number, int32_t kv_head)
{
    typename INSTANCE::dq::sums dq;
    load_flat_sums(dq, dq_sums_of<INSTANCE>(args, sum_number_of_rows(args, chunk, number, kv_head)));
    store_dq<INSTANCE>(args, chunk.sequence, kv_head, chunk.first_row, chunk.rows, dq,
                       {(typename INSTANCE::T *)shared_memory()});
}

/* dsinks, and dq of all chunks whose dq is summed: finish(chunk, number, kv_head). */
template <typename INSTANCE, typename FINISH>
GPU_DEVICE void finish_chunks(const backward_arguments &args, FINISH finish)
{
    const gpu_problem &problem = args.problem;
    if (plan_violation(args.plan) != no_violation)
        return;
    for (int32_t head = block_index(); args.dsinks && head < problem.q_heads; head += grid_blocks())
        finish_sink<INSTANCE::THREADS>(args, head, (float *)shared_memory());
    if (!args.plan.header->several)
        return;
    for (int64_t n = block_index(); n < args.row_chunks * problem.kv_heads; n += grid_blocks()) {
        int64_t number = n / problem.kv_heads;
        const row_chunk chunk = row_chunk_at(problem, INSTANCE::ROWS, number);
        if (chunk.keys.end > 0 && dq_is_summed(chunk.sequence, args.cut))
            finish(chunk, number, (int32_t)(n - number * problem.kv_heads));
    }
}

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL>
GPU_KERNEL((backward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>::THREADS), 1)
finish_kernel(GPU_ARGUMENTS(backward_arguments) args)
{
    using INSTANCE = backward_instance<T, HEAD_DIM, VALUE_DIM, GENERAL, ARCHITECTURE>;
    finish_chunks<INSTANCE>(args, [&](const row_chunk &chunk, int64_t number, int32_t kv_head) {
        finish_rows<INSTANCE>(args, chunk, number, kv_head);
    });
}

#endif
