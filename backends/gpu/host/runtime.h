/* What the host side of a GPU plugin needs of a vendor's runtime. Each platform defines these functions in one source
 * of its own, and the template launch() in its platform/runtime.h, which is to be included in place of this file.
 *
 * A function that fails does so through gpu_host->fail, in words that quote the vendor's runtime. Memory, streams,
 * events and launches belong to the current device: see on_device in host/state.h. All may be called from any thread.
 */
#ifndef VARLEN_GPU_HOST_RUNTIME_H
#define VARLEN_GPU_HOST_RUNTIME_H

#include <varlen/backend.h>

#include "architecture.h"

/* Of the call that this thread is in: several copies of the library may use the plugin side by side. Each function of
 * the plugin's table sets it before anything else runs. */
extern thread_local const varlen_host *gpu_host;

struct runtime_backend {
    const char *name; /* "cuda" */
    const char *description;
    int32_t priority; /* as in varlen_backend */
};

extern const runtime_backend runtime_identity;

/* ---- Devices: none of these three wakes a device ------------------------------------------------------------------
 */

/* What the runtime sees, whether the plugin has code for it or not. With none, *count = 0 and
 * VARLEN_ERROR_BACKEND_UNAVAILABLE with the reason. */
varlen_status runtime_device_count(int32_t *count);

struct runtime_device {
    char name[128];
    char code[32]; /* that runs on it: "sm_90a" */
    uint64_t memory_bytes;
    int32_t processors;
    const gpu_architecture *architecture; /* what these kernels are cut for */
};

/* Refuses a device that the plugin has no code for: VARLEN_ERROR_BACKEND_UNAVAILABLE with the reason. */
varlen_status runtime_describe(int32_t device, runtime_device *description);

/* The thread's current device. */
varlen_status runtime_get_device(int32_t *device);
varlen_status runtime_set_device(int32_t device);

/* ---- On the current device ----------------------------------------------------------------------------------------
 */

/* Whether the plugin's kernels can be loaded: VARLEN_ERROR_BACKEND_UNAVAILABLE with the reason if not. *architecture,
 * which is what the device was described with, becomes that of the code which was loaded. */
varlen_status runtime_prepare(const gpu_architecture **architecture);

/* Waits for all work on the device. */
varlen_status runtime_synchronize(void);

/* Device memory, aligned to 256 bytes; on failure *data is NULL. */
varlen_status runtime_alloc(size_t size, void **data);
varlen_status runtime_free(void *data);

/* Host memory that devices read and write at the same address. */
varlen_status runtime_alloc_host(size_t size, void **data);
varlen_status runtime_free_host(void *data);

/* In stream order. Either side of a copy may be host or device memory. */
varlen_status runtime_copy(varlen_stream stream, void *destination, const void *source, size_t size);
varlen_status runtime_fill(varlen_stream stream, void *destination, uint8_t value, size_t size);

/* A new stream does not wait for the default stream, nor the default stream for it. */
varlen_status runtime_stream_create(varlen_stream *stream);
varlen_status runtime_stream_destroy(varlen_stream stream);
varlen_status runtime_stream_synchronize(varlen_stream stream);
varlen_status runtime_stream_wait(varlen_stream stream, varlen_event event);

/* elapsed refuses events that were not recorded or not reached with VARLEN_ERROR_INVALID_ARGUMENT. */
varlen_status runtime_event_create(varlen_event *event);
varlen_status runtime_event_destroy(varlen_event event);
varlen_status runtime_event_record(varlen_event event, varlen_stream stream);
varlen_status runtime_event_synchronize(varlen_event event);
varlen_status runtime_event_elapsed(varlen_event start, varlen_event end, double *milliseconds);

/* ---- Launches -----------------------------------------------------------------------------------------------------
 */

/* How many blocks of how many threads, and the dynamic shared memory of each. */
struct launch_shape {
    int32_t blocks;
    int32_t threads;
    int32_t shared_bytes;
    bool overlaps =
        false; /* may begin before the kernel before it in the stream has ended: it waits for that one itself */
};

/* template <auto KERNEL, typename ARGUMENTS>
 * varlen_status launch(int32_t device, const launch_shape &shape, varlen_stream stream, const ARGUMENTS &arguments);
 *
 * Enqueues a kernel on the current device, which is `device`: neither allocates nor waits, and may be captured in a
 * graph. A kernel's shared_bytes is the same at every launch on devices of one architecture. */

#endif
