/* The entry of a GPU backend and its table of functions: the same for all vendors. */
#include "host/around.h"
#include "host/backward.h"
#include "host/device.h"
#include "host/forward.h"
#include "host/memory.h"
#include "host/supports.h"

const varlen_host *gpu_host;

static varlen_backend backend; /* filled in by the entry, which is called once */

static varlen_status gpu_forward_call(void *state, varlen_stream stream, const varlen_attention *attention,
                                      const varlen_forward_args *args)
{
    const gpu_state *gpu = (const gpu_state *)state;
    return on_device(gpu->device, [&] { return gpu_forward(gpu, stream, attention, args); });
}

static varlen_status gpu_backward_call(void *state, varlen_stream stream, const varlen_attention *attention,
                                       const varlen_backward_args *args)
{
    const gpu_state *gpu = (const gpu_state *)state;
    return on_device(gpu->device, [&] { return gpu_backward(gpu, stream, attention, args); });
}

static void fill_backend()
{
    backend.abi_version = VARLEN_BACKEND_ABI_VERSION;
    backend.priority = runtime_identity.priority;
    backend.struct_size = sizeof backend;
    backend.name = runtime_identity.name;
    backend.description = runtime_identity.description;
    backend.device_count = gpu_device_count;
    backend.device_info = gpu_device_info;
    backend.open = gpu_open;
    backend.close = gpu_close;
    backend.take_violation = gpu_take_violation;
    backend.supports = gpu_supports;
    backend.workspace_size = gpu_workspace_size;
    backend.forward = gpu_forward_call;
    backend.backward = gpu_backward_call;
    backend.merge = gpu_merge;
    backend.cu_seqlens = gpu_cu_seqlens;
    backend.pack = gpu_pack;
    backend.unpack = gpu_unpack;
    backend.kv_append = gpu_kv_append;
    backend.alloc = gpu_alloc;
    backend.free = gpu_free;
    backend.copy = gpu_copy;
    backend.fill = gpu_fill;
    backend.stream_create = gpu_stream_create;
    backend.stream_destroy = gpu_stream_destroy;
    backend.stream_synchronize = gpu_stream_synchronize;
    backend.stream_wait = gpu_stream_wait;
    backend.event_create = gpu_event_create;
    backend.event_destroy = gpu_event_destroy;
    backend.event_record = gpu_event_record;
    backend.event_synchronize = gpu_event_synchronize;
    backend.event_elapsed = gpu_event_elapsed;
}

const varlen_backend *varlen_backend_entry(const varlen_host *host)
{
    if (host->abi_version >> 16 != VARLEN_BACKEND_ABI_MAJOR) {
        host->fail(VARLEN_ERROR_BACKEND_UNAVAILABLE, "built for ABI %u, the library has ABI %u",
                   VARLEN_BACKEND_ABI_MAJOR, host->abi_version >> 16);
        return nullptr;
    }
    gpu_host = host;
    fill_backend();
    return &backend;
}
