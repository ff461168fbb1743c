/* From the sums of a tile to dk and dv, which take the places of its keys and values. */
#ifndef VARLEN_GPU_WARP_GROUPS_BACKWARD_RESULTS_H
#define VARLEN_GPU_WARP_GROUPS_BACKWARD_RESULTS_H

#include "warp_groups/backward_tile.h"

/* A group's part of a tile, COLUMNS from (row, column) on: boxes end where the sequence does. */
template <int COLUMNS, typename MATRIX>
GPU_DEVICE void store_key_rows(const tensor_map &map, int32_t dim, const backward_item &item, const MATRIX &from,
                               int32_t row, int32_t column)
{
    const int32_t valid = smaller(item.keys - row, (int32_t)TILE_ROWS);
    if (valid <= 0)
        return;
    for (int32_t first = column; first < smaller(column + COLUMNS, dim); first += MATRIX::PANEL)
        store_tensor(map,
                     {first, TILE_ROWS - valid, item.sequence.first_key + item.first_key + row + valid, item.kv_head},
                     from.panel(first / MATRIX::PANEL) + row * MATRIX::PANEL);
}

/* The next tile may begin. With one stage of keys, they are copied only when the results have been stored. */
template <typename INSTANCE> GPU_DEVICE void store_dk_and_dv(group_backward_work<INSTANCE> &work)
{
    const int32_t group = work.group;
    const int32_t row = INSTANCE::score_key(group);
    const int32_t dk_column = INSTANCE::dk_column(group);
    const int32_t dv_column = INSTANCE::dv_column(group);
    const auto dk = INSTANCE::keys(work.keys.stage);
    const auto dv = INSTANCE::values(work.keys.stage);
    scale_existing(work.dk, work.problem.scale, TILE_ROWS, work.problem.head_dim - dk_column);
    scale_existing(work.dv, 1.0f, TILE_ROWS, work.problem.value_dim - dv_column);
    if constexpr (INSTANCE::DQ)
        work.meet_with_results(); /* no group multiplies these keys any more */
    else
        group_barrier(work);
    group_store(dk, row, dk_column, work.dk);
    group_store(dv, row, dv_column, work.dv);
    fence_shared();
    group_barrier(work);
    if (thread_index() % GROUP == 0) {
        store_key_rows<INSTANCE::DK_COLUMNS>(work.args.dk, work.problem.head_dim, *work.item, dk, row, dk_column);
        store_key_rows<INSTANCE::DV_COLUMNS>(work.args.dv, work.problem.value_dim, *work.item, dv, row, dv_column);
        stores_commit();
    }
    work.storing = work.keys.stage;
    work.keys.advance();
    if constexpr (INSTANCE::KEY_STAGES == 1)
        work.leave_keys();
}

#endif
