/* What an open context keeps, and how its calls get at the device. */
#ifndef VARLEN_GPU_HOST_STATE_H
#define VARLEN_GPU_HOST_STATE_H

#include "platform/runtime.h"

#include "call/violation.h"

constexpr int GPU_FAMILY_LIMIT = 8; /* of one pass */

struct gpu_state {
    const varlen_host *host; /* that opened it; comes first, see tests/gpu/plugin_test.c */
    int32_t device;
    int32_t processors;
    const gpu_architecture *architecture; /* of the device's kernels */
    bool validate;                        /* whether metadata is searched for violations */
    violation_mailbox mailbox;
    int32_t taking;                              /* whether a thread is emptying the mailbox */
    const char *forced_family;                   /* VARLEN_GPU_KERNELS; NULL: the first that takes a call */
    mutable uint64_t calls[2][GPU_FAMILY_LIMIT]; /* that each family has taken, by pass */
};

/* Runs `work`, which returns a varlen_status, while `device` is the thread's current one, and makes that which was
 * current before current again. Where it is the device itself, that costs one look. */
template <typename WORK> varlen_status on_device(int32_t device, WORK work)
{
    int32_t before;
    varlen_status status = runtime_get_device(&before);
    if (status != VARLEN_OK)
        return status;
    if (before == device)
        return work();
    status = runtime_set_device(device);
    if (status != VARLEN_OK)
        return status;
    status = work();
    const varlen_status restored = runtime_set_device(before);
    return status != VARLEN_OK ? status : restored;
}

varlen_status gpu_open(const varlen_backend_open *options, void **state);
void gpu_close(void *state);
varlen_status gpu_take_violation(void *state, varlen_violation *violation);

#endif
