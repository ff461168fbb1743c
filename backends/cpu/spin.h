/* A short wait for another thread, before the slower one: sleeping. */
#ifndef VARLEN_CPU_SPIN_H
#define VARLEN_CPU_SPIN_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

typedef struct cpu_spin {
    int64_t end; /* nanoseconds of CLOCK_MONOTONIC; 0 at first */
} cpu_spin;

static inline void cpu_pause(void)
{
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Passes a moment. False if it has been long enough: what a sleep and a wake-up cost. */
static inline bool cpu_spin_on(cpu_spin *spin)
{
    enum { PAUSES = 16, SPIN_NANOSECONDS = 20000 };
    struct timespec time;
    for (int i = 0; i < PAUSES; i++)
        cpu_pause();
    clock_gettime(CLOCK_MONOTONIC, &time);
    int64_t now = (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
    if (!spin->end)
        spin->end = now + SPIN_NANOSECONDS;
    return now < spin->end;
}

#endif
