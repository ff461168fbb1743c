/* From the sums of a tile to dk and dv, which take the places of its keys and values. */
#ifndef VARLEN_GPU_WARP_GROUPS_BACKWARD_RESULTS_H
#define VARLEN_GPU_WARP_GROUPS_BACKWARD_RESULTS_H

#include "warp_groups/backward_tile.h"

/* A group's rows of a tile: boxes end where the sequence does. */
template <typename MATRIX>
GPU_DEVICE void store_key_rows(const tensor_map &map, const backward_item &item, const MATRIX &from, int32_t group)
{
    const int32_t row = group * TILE_ROWS;
    const int32_t valid = smaller(item.keys - row, (int32_t)TILE_ROWS);
    if (valid <= 0)
        return;
    for (int panel = 0; panel < MATRIX::PANELS; panel++)
        store_tensor(map,
                     {panel * MATRIX::PANEL, TILE_ROWS - valid, item.sequence.first_key + item.first_key + row + valid,
                      item.kv_head},
                     from.panel(panel) + row * MATRIX::PANEL);
}

/* One thread waits until the results have been read, then the next tile's keys may come. */
template <typename INSTANCE> GPU_DEVICE void store_dk_and_dv(group_backward_work<INSTANCE> &work)
{
    const int32_t group = work.group;
    const int stage = work.keys.stage;
    const auto dk = INSTANCE::keys(stage);
    const auto dv = INSTANCE::values(stage);
    work.keys.advance();
    scale_sums(work.dk, work.problem.scale);
    work.meet_groups(); /* no group multiplies these keys any more */
    group_store(dk, group * TILE_ROWS, 0, work.dk);
    group_store(dv, group * TILE_ROWS, 0, work.dv);
    fence_shared();
    named_barrier_wait(1 + group, GROUP);
    if (thread_index() % GROUP != 0)
        return;
    store_key_rows(work.args.dk, *work.item, dk, group);
    store_key_rows(work.args.dv, *work.item, dv, group);
    stores_commit();
    stores_wait_read<0>();
    work.shared.keys[stage].empty.arrive();
    work.shared.values[stage].empty.arrive();
}

#endif
