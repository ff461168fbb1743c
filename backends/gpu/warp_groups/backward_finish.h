/* After the tiles of the backward pass: dq from the sums over tiles, and dsinks from its parts. */
#ifndef VARLEN_GPU_WARP_GROUPS_BACKWARD_FINISH_H
#define VARLEN_GPU_WARP_GROUPS_BACKWARD_FINISH_H

#include "rows/dsinks.h"
#include "warp_groups/backward_layout.h"

enum {
    GROUP_FINISH_THREADS = GROUP, /* that hold a part of dq */
    GROUP_FINISH_BLOCKS = 8,      /* per processor */
};

/* A part of dq of the rows of a chunk, which has that number among those of all sequences. */
template <typename INSTANCE>
GPU_DEVICE void finish_dq(const backward_arguments &args, const row_chunk &chunk, int64_t number, int32_t kv_head,
                          int32_t part)
{
    using matrix = typename INSTANCE::dq_matrix;
    const gpu_problem &problem = args.problem;
    const matrix tile = {(typename INSTANCE::T *)shared_memory()};
    const int64_t place = sum_number_of_rows(args, chunk, number, kv_head) * INSTANCE::GROUPS + part;
    group_sums<INSTANCE::DQ_COLUMNS> dq;
    group_load_flat(dq, args.dq_sums + place * INSTANCE::DQ_FLOATS);
    scale_sums(dq, problem.scale);
    group_store(tile, 0, 0, dq);
    block_barrier();
    const int32_t first_row = INSTANCE::dq_row(part);
    const int32_t first_column = INSTANCE::dq_column(part);
    const int32_t rows = smaller(chunk.rows - first_row, (int32_t)TILE_ROWS);
    const int32_t pieces = smaller((problem.head_dim - first_column) / 8, INSTANCE::DQ_COLUMNS / 8);
    for (int32_t n = thread_index(); n < rows * pieces; n += GROUP_FINISH_THREADS) {
        const int32_t row = n / pieces;
        const int32_t column = (n - row * pieces) * 8;
        char *to = query_row_address(problem, args.dq, chunk.sequence, kv_head, chunk.first_row + first_row + row);
        store_16(to + (first_column + column) * 2, load_16(tile.piece(row, column)));
    }
    block_barrier(); /* the tile is free again */
}

template <typename INSTANCE> GPU_DEVICE void finish_all_dq(const backward_arguments &args)
{
    const gpu_problem &problem = args.problem;
    for (int64_t n = block_index(); n < args.row_chunks * problem.kv_heads; n += grid_blocks()) {
        const int64_t number = n / problem.kv_heads;
        const row_chunk chunk = row_chunk_at(problem, args.cut.chunk_rows, number);
        if (chunk.keys.end == 0 || !dq_is_summed(chunk.sequence, args.cut))
            continue;
        for (int32_t part = 0; part < INSTANCE::GROUPS; part++)
            finish_dq<INSTANCE>(args, chunk, number, (int32_t)(n - number * problem.kv_heads), part);
    }
}

template <typename INSTANCE> GPU_DEVICE void group_finish(const backward_arguments &args)
{
    if (plan_violation(args.plan) != no_violation)
        return;
    for (int32_t head = block_index(); args.dsinks && head < args.problem.q_heads; head += grid_blocks())
        finish_sink<GROUP_FINISH_THREADS>(args, head, (float *)shared_memory());
    if constexpr (INSTANCE::DQ)
        if (args.plan.header->several)
            finish_all_dq<INSTANCE>(args);
}

#endif
