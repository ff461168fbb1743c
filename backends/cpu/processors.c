#define _GNU_SOURCE
#include "processors.h"

#include "quota.h"
#include "team.h"

#include <sched.h>

/* Those that the calling thread may run on. */
static int32_t in_affinity(void)
{
    cpu_set_t sets[64]; /* one is for 1024 processors, and Linux refuses less than it has */
    return sched_getaffinity(0, sizeof sets, sets) == 0 ? CPU_COUNT_S(sizeof sets, sets) : 1;
}

int32_t cpu_processors(void)
{
    int32_t count = in_affinity();
    int32_t quota = cpu_quota("");
    if (count > quota)
        count = quota;
    return count < CPU_TEAM_THREADS ? count : CPU_TEAM_THREADS;
}
