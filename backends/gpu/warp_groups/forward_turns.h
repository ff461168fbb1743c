/* Turns: groups that multiply the same chunks begin their products one after the other, each when the scores of the
 * group before it are there, so that one computes weights while the matrix units are another's. */
#ifndef VARLEN_GPU_WARP_GROUPS_FORWARD_TURNS_H
#define VARLEN_GPU_WARP_GROUPS_FORWARD_TURNS_H

#include "warp_groups/forward_layout.h"

template <typename INSTANCE> struct forward_turns {
    static constexpr int GROUPS = INSTANCE::GROUPS;
    static constexpr int CHUNK_KEYS = INSTANCE::CHUNK_KEYS;
    static constexpr int BARRIERS = 8;     /* the number of group 0's */
    static constexpr int CHUNKS_WORTH = 4; /* fewer are not worth finding out who has them */

    gpu_span chunks; /* at which there are turns, from the last on */
    int32_t order;   /* of this group */

    /* For tile `tile` of an item. Groups have a turn in the order of their tiles, if there is one for each. */
    GPU_DEVICE void find(const group_forward_arguments &args, const forward_item &item, int32_t tile)
    {
        order = tile;
        chunks = {0, 0};
        if (item.keys.end - item.keys.begin < CHUNKS_WORTH * CHUNK_KEYS ||
            (GROUPS - 1) * args.boxes.tile_rows >= item.rows)
            return;
        chunks = {0, INT32_MAX};
#pragma unroll
        for (int n = 0; n < GROUPS; n++) {
            const gpu_span loop = looped_chunks<CHUNK_KEYS>(keys_of_tile<typename INSTANCE::rule::mask>(args, item, n));
            chunks = {larger(chunks.begin, loop.begin), smaller(chunks.end, loop.end)};
        }
    }

    GPU_DEVICE bool has(int32_t chunk) const
    {
        return INSTANCE::TUNING.turns && chunk >= chunks.begin && chunk < chunks.end;
    }

    GPU_DEVICE void await(int32_t group, int32_t chunk) const
    {
        if (has(chunk) && (order > 0 || chunk < chunks.end - 1))
            named_barrier_wait(BARRIERS + group, 2 * GROUP);
    }

    GPU_DEVICE void pass(int32_t group, int32_t chunk) const
    {
        if (has(chunk) && (order < GROUPS - 1 || chunk > chunks.begin))
            named_barrier_arrive(BARRIERS + (group + 1) % GROUPS, 2 * GROUP);
    }
};

#endif
