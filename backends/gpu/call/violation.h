/* Broken rules in metadata, found on the device before anything is used and told to the host without waiting.
 *
 * A rule is checked for every element by itself: inspect(stage, index). Kernels that validate do so for all elements of
 * all stages and keep the smallest place in a word of the workspace; kernels that compute look at the word first, and
 * if it names a place, write zeros; one thread of them puts that place's violation into the context's mailbox. */
#ifndef VARLEN_GPU_VIOLATION_H
#define VARLEN_GPU_VIOLATION_H

#include "platform/device.h"

#include <varlen/backend.h>

/* Host memory that the device can write. `full` goes from 0 to 1 when the violation is complete, and back to 0 when the
 * host has taken it. */
struct violation_record {
    varlen_violation violation;
    int32_t full;
};

/* One per context. */
struct violation_mailbox {
    violation_record *record;
    int32_t *lock; /* in device memory, since not every device can exchange words of host memory atomically */
};

/* The smallest place is the one that the CPU backend's search, in order of stages, would find first. */
constexpr uint64_t no_violation = ~(uint64_t)0;

GPU_DEVICE uint64_t violation_place(int32_t stage, int32_t index)
{
    return (uint64_t)stage << 32 | (uint32_t)index;
}

/* The first place that some thread of the block found. `shared` is a word of shared memory. */
GPU_DEVICE uint64_t first_place(uint64_t mine, uint64_t *shared)
{
    if (thread_index() == 0)
        *shared = no_violation;
    block_barrier();
    if (mine != no_violation)
        atomic_min(shared, mine);
    block_barrier();
    return *shared;
}

GPU_DEVICE varlen_violation make_violation(varlen_violation_rule rule, varlen_metadata argument, int32_t index,
                                           int64_t value, int64_t bound)
{
    varlen_violation violation = {};
    violation.rule = rule;
    violation.argument = argument;
    violation.index = index;
    violation.value = value;
    violation.bound = bound;
    return violation;
}

/* By one thread of a kernel. A violation that the host has not taken yet stays. */
GPU_DEVICE void report_violation(const violation_mailbox &mailbox, const varlen_violation &violation)
{
    while (atomic_exchange(mailbox.lock, 1) != 0) {
    }
    fence_system();
    if (load_volatile(&mailbox.record->full) == 0) {
        mailbox.record->violation = violation;
        fence_system();
        store_volatile(&mailbox.record->full, 1);
    }
    fence_system();
    atomic_exchange(mailbox.lock, 0);
}

#endif
