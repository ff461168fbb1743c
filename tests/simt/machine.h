/* A machine that runs kernels on the CPU: every thread of a block is a fiber, which runs until it has to wait for
 * others. Warps, of any block that is resident, take turns in an order drawn from SIMT_SEED (default 1), so that code
 * which leaves an order to luck fails. A thread that waits for ever ends the process, with the reason.
 *
 * Launches run one at a time, on the thread that asks for them. */
#ifndef SIMT_MACHINE_H
#define SIMT_MACHINE_H

#include <memory>
#include <stddef.h>
#include <stdint.h>
#include <vector>

#include "fiber.h"

constexpr int simt_warp = 32;

struct simt_block;
struct simt_warp_state;
struct simt_async; /* see async.h */

enum class simt_activity { ready, at_barrier, in_collective, waiting, finished };

/* What a thread waits for, told in words if it never comes. */
struct simt_event {
    void (*describe)(const void *what, char *text, size_t size);
    const void *what;
};

/* 16 bytes on their way from global to shared memory. */
struct simt_copy {
    void *to;
    const void *from; /* NULL: zeros */
};

struct simt_thread {
    simt_fiber fiber;
    simt_block *block;
    simt_warp_state *warp;
    int32_t index; /* in the block */
    simt_activity activity;
    simt_event event;                           /* while it is waiting */
    std::vector<std::vector<simt_copy>> copies; /* groups that are under way, oldest first; the last is open */
};

struct simt_block {
    int32_t index;
    int32_t blocks; /* in the grid */
    int32_t at_barrier;
    int32_t finished;
    char *shared;
    int32_t shared_bytes;
    std::shared_ptr<simt_async> async; /* NULL until asynchronous machinery is used */
    std::vector<simt_thread *> threads;
    std::vector<simt_warp_state> warps;
};

/* What the last thread of a warp to arrive does for all: arguments[lane] is what the thread brought. */
typedef void (*simt_collective)(void *const (&arguments)[simt_warp]);

struct simt_warp_state {
    simt_thread **threads;
    void *arguments[simt_warp];
    simt_collective collective;
    const char *collective_name;
    int32_t arrived;
    bool queued;
};

/* The thread that is running. */
extern simt_thread *simt_current;

/* Waits for all threads of the block. */
void simt_barrier();

/* Waits for all threads of the warp, which must take part in the same collective. */
void simt_meet(const char *name, simt_collective collective, void *argument);

/* Lets others run: for loops that wait for another block. */
void simt_yield();

/* Waits until simt_happened() is called in the block; the caller then looks whether it may go on. */
void simt_wait_for(const simt_event &event);
void simt_happened();

/* The running thread has written to memory, shared or not. */
void simt_wrote_asynchronous(void *address, int32_t size);

inline void simt_wrote(void *address, int32_t size)
{
    if (simt_current->block->async)
        simt_wrote_asynchronous(address, size);
}

void simt_copy_later(const simt_copy &copy);
void simt_copies_commit();
void simt_copies_wait(size_t groups);

/* The kernel broke a rule of backends/gpu/platform.h: says so and ends the process. */
[[noreturn]] void simt_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

inline void simt_require(bool condition, const char *rule)
{
    if (!condition)
        simt_fail("%s", rule);
}

struct simt_grid {
    int32_t blocks;
    int32_t threads;
    int32_t shared_bytes;
    void (*body)(const void *arguments);
    const void *arguments;
};

/* Runs a kernel to its end. */
void simt_run(const simt_grid &grid);

#endif
