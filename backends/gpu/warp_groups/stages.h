/* Places in shared memory that one warp fills and others empty, in turn, and how warps of both passes go through them.
 */
#ifndef VARLEN_GPU_WARP_GROUPS_STAGES_H
#define VARLEN_GPU_WARP_GROUPS_STAGES_H

#include "async_platform.h"

#include <stddef.h>

/* Code for other architectures is empty, and never launched. */
constexpr bool HAS_WARP_GROUPS = find_architecture(ARCHITECTURE)->async_products;

/* A place that is filled by one warp, or a few, and emptied by others. */
struct stage_barriers {
    arrival_barrier full;
    arrival_barrier empty;

    GPU_DEVICE void create(int arrivals_to_empty, int arrivals_to_fill = 1)
    {
        full.create(arrivals_to_fill);
        empty.create(arrivals_to_empty);
    }

    /* The warp is done with the place, all of its threads. */
    GPU_DEVICE void leave()
    {
        warp_barrier();
        if (thread_index() % WARP == 0)
            empty.arrive();
    }

    /* The same by each thread for itself, where it has read what a thread wrote: nothing but the barriers orders them.
     */
    GPU_DEVICE void leave_by_thread()
    {
        empty.arrive();
    }
};

/* The same for an item, whose words threads of one warp write and all threads of others read: each arrives for itself,
 * so that nothing but the barriers orders them. */
template <typename ITEM> struct item_place {
    static constexpr int WORDS = (int)(sizeof(ITEM) / sizeof(int32_t));
    static_assert(WORDS <= WARP, "a word for each thread of a warp");

    arrival_barrier full;
    arrival_barrier empty;
    ITEM item;

    GPU_DEVICE void create(int warps_to_empty)
    {
        full.create(WARP);
        empty.create(warps_to_empty * WARP);
    }

    /* A thread's word of an item of the plan. */
    GPU_DEVICE static int32_t word_of(const ITEM &planned)
    {
        return group_lane() < WORDS ? ((const int32_t *)&planned)[group_lane()] : 0;
    }

    /* All threads of the warp that fills it, with their words. */
    GPU_DEVICE void fill(int32_t word, int32_t kv_head, bool exists)
    {
        constexpr int head_word = (int)(offsetof(ITEM, kv_head) / sizeof(int32_t));
        constexpr int exists_word = (int)(offsetof(ITEM, exists) / sizeof(int32_t));
        if (group_lane() == head_word)
            word = kv_head;
        if (group_lane() == exists_word)
            word = exists;
        if (group_lane() < WORDS)
            ((int32_t *)&item)[group_lane()] = word;
        full.arrive();
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

    GPU_DEVICE void advance_by(int32_t count)
    {
        const int32_t from_first = stage + count;
        stage = from_first % STAGES;
        parity ^= from_first / STAGES & 1;
    }
};

/* Panels of which some columns exist, where rows have `dim`. The others are zeros throughout: nothing is copied to
 * them, and what is made of them is zeros again. */
template <typename MATRIX> GPU_DEVICE int32_t panels_of(int32_t dim)
{
    return divide_up(dim, (int32_t)MATRIX::PANEL);
}

/* f(item), by all threads of a warp, for each that the block takes until there are no more: a SHARED has a ring of
 * places for items, and `turn` is at its first. */
template <typename SHARED, typename TURN, typename F> GPU_DEVICE void for_each_item(SHARED &shared, TURN turn, F f)
{
    for (;;) {
        auto &place = shared.items[turn.stage];
        place.full.wait(turn.parity);
        if (!place.item.exists)
            return;
        f(place.item);
        place.empty.arrive();
        turn.advance();
    }
}

/* The first group copies, the others compute, each with its number, 0 .. GROUPS - 1. */
template <typename INSTANCE, typename COPY, typename COMPUTE> GPU_DEVICE void divide_roles(COPY copy, COMPUTE compute)
{
    if (thread_index() < GROUP) {
        registers_shrink<INSTANCE::TUNING.copying_registers>();
        copy();
    } else {
        registers_grow<INSTANCE::TUNING.computing_registers>();
        compute(warp_first(thread_index() / GROUP) - 1);
    }
}

/* All threads of a group. Numbers 1 and up are the groups'. */
template <typename WORK> GPU_DEVICE void group_barrier(const WORK &work)
{
    named_barrier_wait(1 + work.group, GROUP);
}

#endif
