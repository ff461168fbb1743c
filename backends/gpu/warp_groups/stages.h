/* Places in shared memory that one warp fills and others empty, in turn. */
#ifndef VARLEN_GPU_WARP_GROUPS_STAGES_H
#define VARLEN_GPU_WARP_GROUPS_STAGES_H

#include "async_platform.h"

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

#endif
