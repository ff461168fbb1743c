/* Time that only goes forward. */
#ifndef VARLEN_TESTS_ENDURANCE_CLOCK_H
#define VARLEN_TESTS_ENDURANCE_CLOCK_H

#include <time.h>

static inline double clock_milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

#endif
