/* The items that a block has taken, in a ring in shared memory: written by one warp, read by all others. */
#ifndef VARLEN_GPU_WARP_GROUPS_FORWARD_ITEMS_H
#define VARLEN_GPU_WARP_GROUPS_FORWARD_ITEMS_H

#include "warp_groups/forward_layout.h"

/* The ring has as many places in use as there are items to spare: a block that has taken many of the last ones is busy
 * when others are done. */
template <typename INSTANCE> struct item_turn {
    int32_t places;
    int32_t stage = 0;
    int32_t parity = 0;

    GPU_DEVICE item_turn(const group_forward_arguments &args)
    {
        constexpr int32_t rounds_each = 16; /* of a block, for each place */
        const int32_t rounds = args.call.plan.header->items * args.call.problem.kv_heads / grid_blocks();
        places = larger(2, smaller(rounds / rounds_each, (int32_t)INSTANCE::ITEMS));
    }

    GPU_DEVICE void advance()
    {
        stage++;
        if (stage == places) {
            stage = 0;
            parity ^= 1;
        }
    }
};

#endif
