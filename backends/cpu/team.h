/* Threads that share the loops of a call: the thread that calls, and workers of the process that happen to be idle.
 *
 * A call never waits for a worker to come, only for what one has taken: what nobody else takes, the calling thread
 * does. So a call cannot fail or hang for want of threads, and a processor that is busy elsewhere delays it little.
 * Workers are started when calls want more than there are, and stay; those that cannot be started are done without. In
 * a forked child, which has none of its parent's threads, the team starts anew. */
#ifndef VARLEN_CPU_TEAM_H
#define VARLEN_CPU_TEAM_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CPU_TEAM_THREADS = 1024, /* the most that share a call, and that the process has, callers apart */
    CPU_TEAM_LOOPS = 6,      /* the most in a call */
};

/* body(work, member, index) for each index in 0 .. count - 1. Indices are handed out in order, `chunk` at a time, to
 * whichever thread is free; an index that has been handed out is being worked on. `member` is below the number of
 * threads asked for, and belongs to one thread for the whole call. */
typedef struct cpu_loop {
    void (*body)(const void *work, int32_t member, int64_t index);
    int64_t count;
    int64_t chunk; /* 0 = 1 */
    bool waits;    /* begins when all loops before it are done; else as soon as they have been handed out */
} cpu_loop;

/* What a call asks for. */
typedef struct cpu_team_size {
    int32_t threads; /* 1 .. CPU_TEAM_THREADS, the calling one included */
    int32_t workers; /* 0 .. CPU_TEAM_THREADS: the process may have so many in all before the call starts no more */
} cpu_team_size;

/* Runs loops with at most size.threads threads, and returns when all are done. Which take part, and how many, differs
 * from call to call. */
void cpu_team_run(cpu_team_size size, const void *work, const cpu_loop *loops, int32_t loop_count);

#endif
