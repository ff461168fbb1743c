#define _GNU_SOURCE
#include "processors.h"

#include "team.h"

#include <sched.h>

int32_t cpu_processors(void)
{
    cpu_set_t set;
    int32_t count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count < CPU_TEAM_THREADS ? count : CPU_TEAM_THREADS;
}
