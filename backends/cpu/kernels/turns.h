/* Threads that add to the same sum in a fixed order. */
#ifndef VARLEN_CPU_TURNS_H
#define VARLEN_CPU_TURNS_H

#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

/* Waits until `turn` others have passed. They are running already: tiles are started in order. */
static inline void turn_wait(_Atomic int32_t *passed, int32_t turn)
{
    const int spins_before_yielding = 1000;
    for (int spins = 0; atomic_load_explicit(passed, memory_order_acquire) != turn; spins++)
        if (spins >= spins_before_yielding)
            sched_yield();
}

static inline void turn_pass(_Atomic int32_t *passed, int32_t turn)
{
    atomic_store_explicit(passed, turn + 1, memory_order_release);
}

#endif
