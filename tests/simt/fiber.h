/* Fibers: functions with stacks of their own, that one thread of the system runs by turns. */
#ifndef SIMT_FIBER_H
#define SIMT_FIBER_H

#include <stddef.h>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

struct simt_fiber {
    char *stack;
    size_t stack_bytes;
    void *sanitizer_frames; /* while the fiber is stopped */
#if defined(__x86_64__)
    void *stack_pointer; /* likewise */
#else
    ucontext_t context;
#endif
};

/* A fiber that will run `entry`, which must not return. Lives as long as the process. */
void simt_fiber_create(simt_fiber *fiber, void (*entry)());

/* Goes on with a fiber, until it stops. Not to be called by a fiber. */
void simt_fiber_resume(simt_fiber *fiber);

/* By the fiber that is running: goes back to where it was resumed. */
void simt_fiber_stop(simt_fiber *fiber);

/* To be called first thing in an entry. */
void simt_fiber_entered();

#endif
