/* Places in shared memory that one warp fills and others empty, in turn, and how warps of both passes go through them.
 */
#ifndef VARLEN_GPU_WARP_GROUPS_STAGES_H
#define VARLEN_GPU_WARP_GROUPS_STAGES_H

#include "async_platform.h"

/* Code for other architectures is empty, and never launched. */
constexpr bool HAS_WARP_GROUPS = find_architecture(ARCHITECTURE)->async_products;

/* A place that is filled by one warp and emptied by others. */
struct stage_barriers {
    arrival_barrier full;
    arrival_barrier empty;

    GPU_DEVICE void create(int arrivals_to_empty)
    {
        full.create(1);
        empty.create(arrivals_to_empty);
    }

    /* The warp is done with the place, all of its threads. */
    GPU_DEVICE void leave()
    {
        warp_barrier();
        if (thread_index() % WARP == 0)
            empty.arrive();
    }
};

/* Which of STAGES places is next, and in which of its phases: places are filled, and emptied, in turn. */
template <int STAGES> struct stage_turn {
    int32_t stage = 0;
    int32_t parity = 0;

    GPU_DEVICE void advance()
    {
        stage++;
        if (stage == STAGES) {
            stage = 0;
            parity ^= 1;
        }
    }
};

/* Panels of which some columns exist, where rows have `dim`. The others are zeros throughout: nothing is copied to
 * them, and what is made of them is zeros again. */
template <typename MATRIX> GPU_DEVICE int32_t panels_of(int32_t dim)
{
    return divide_up(dim, (int32_t)MATRIX::PANEL);
}

/* f(item), by all threads of a warp, for each that the block takes until there are no more: a SHARED has a ring of
 * items, and `turn` is at its first place. */
template <typename SHARED, typename TURN, typename F> GPU_DEVICE void for_each_item(SHARED &shared, TURN turn, F f)
{
    for (;;) {
        stage_barriers &place = shared.items[turn.stage];
        const auto &item = shared.item[turn.stage];
        place.full.wait(turn.parity);
        if (!item.exists)
            return;
        f(item);
        place.leave();
        turn.advance();
    }
}

/* All threads of a group. Numbers 1 and up are the groups'. */
template <typename WORK> GPU_DEVICE void group_barrier(const WORK &work)
{
    named_barrier_wait(1 + work.group, GROUP);
}

#endif
