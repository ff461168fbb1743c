/* The entry of a GPU backend and its table of functions: the same for all vendors. */
#include "around/element_rows.h"

#include "host/around.h"
#include "host/device.h"
#include "host/families.h"
#include "host/instance_table.h"
#include "host/memory.h"
#include "host/supports.h"

thread_local const varlen_host *gpu_host;

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

/* A function of the table that gets a state: lets it speak to the host that opened the state. */
template <auto FUNCTION> struct from_state;

template <typename RESULT, typename... ARGUMENTS, RESULT (*FUNCTION)(void *, ARGUMENTS...)>
struct from_state<FUNCTION> {
    static RESULT call(void *state, ARGUMENTS... arguments)
    {
        gpu_host = ((const gpu_state *)state)->host;
        return FUNCTION(state, arguments...);
    }
};

static constexpr varlen_struct_sizes struct_sizes = VARLEN_STRUCT_SIZES;

static constexpr uint64_t features =
    VARLEN_FEATURE_SEQUSED_Q | VARLEN_FEATURE_SEQUSED_K | VARLEN_FEATURE_LEFTPAD_K | VARLEN_FEATURE_ALIBI |
    VARLEN_FEATURE_SINKS | VARLEN_FEATURE_DROPOUT_STATE | VARLEN_FEATURE_LSE | VARLEN_FEATURE_DSINKS |
    VARLEN_FEATURE_EXPANDED | VARLEN_FEATURE_CAUSAL | VARLEN_FEATURE_WINDOW | VARLEN_FEATURE_TOP_LEFT |
    VARLEN_FEATURE_SOFTCAP | VARLEN_FEATURE_DROPOUT | VARLEN_FEATURE_PAGED | VARLEN_FEATURE_DETERMINISTIC |
    VARLEN_FEATURE_BATCH_INVARIANT | VARLEN_FEATURE_DLSE | VARLEN_FEATURE_KEY_RANGES | VARLEN_FEATURE_QUERY_POSITIONS |
    VARLEN_FEATURE_KEY_STARTS | VARLEN_FEATURE_TREE_MASK | VARLEN_FEATURE_LEFTPAD_Q | VARLEN_FEATURE_CHUNK |
    VARLEN_FEATURE_QUANTIZED;
static constexpr uint32_t all_dtypes = 1u << VARLEN_FLOAT32 | HALF_DTYPES;

/* Matrix units multiply float16 and bfloat16; calls around attention multiply none. */
static constexpr varlen_limits attention_limits(const wide_size &largest)
{
    return {sizeof(varlen_limits), features, HALF_DTYPES | QUANTIZED_DTYPES, largest.head_dim, largest.value_dim, 0};
}
static constexpr varlen_limits forward_limits = attention_limits(WIDE_FORWARD_SIZES[0]);
static constexpr varlen_limits backward_limits = attention_limits(WIDE_BACKWARD_SIZES[0]);
static constexpr varlen_limits around_limits(uint32_t dtypes)
{
    return {sizeof(varlen_limits), 0, dtypes, LONGEST_ELEMENT_ROW, LONGEST_ELEMENT_ROW, 0};
}
static constexpr varlen_limits merge_limits = around_limits(all_dtypes);
static constexpr varlen_limits kv_append_limits = around_limits(all_dtypes | QUANTIZED_DTYPES);

static varlen_backend make_backend()
{
    varlen_backend backend = {};
    backend.abi_version = VARLEN_BACKEND_ABI_VERSION;
    backend.priority = runtime_identity.priority;
    backend.struct_size = sizeof backend;
    backend.name = runtime_identity.name;
    backend.description = runtime_identity.description;
    backend.struct_sizes = &struct_sizes;
    backend.forward_limits = &forward_limits;
    backend.backward_limits = &backward_limits;
    backend.merge_limits = &merge_limits;
    backend.kv_append_limits = &kv_append_limits;
    backend.device_count = gpu_device_count;
    backend.device_info = gpu_device_info;
    backend.open = gpu_open;
    backend.close = from_state<gpu_close>::call;
    backend.take_violation = from_state<gpu_take_violation>::call;
    backend.supports = from_state<gpu_supports>::call;
    backend.workspace_size = from_state<gpu_workspace_size>::call;
    backend.forward = from_state<gpu_forward_call>::call;
    backend.backward = from_state<gpu_backward_call>::call;
    backend.merge = from_state<gpu_merge>::call;
    backend.cu_seqlens = from_state<gpu_cu_seqlens>::call;
    backend.pack = from_state<gpu_pack>::call;
    backend.unpack = from_state<gpu_unpack>::call;
    backend.kv_append = from_state<gpu_kv_append>::call;
    backend.alloc = from_state<gpu_alloc>::call;
    backend.free = from_state<gpu_free>::call;
    backend.copy = from_state<gpu_copy>::call;
    backend.fill = from_state<gpu_fill>::call;
    backend.stream_create = from_state<gpu_stream_create>::call;
    backend.stream_destroy = from_state<gpu_stream_destroy>::call;
    backend.stream_synchronize = from_state<gpu_stream_synchronize>::call;
    backend.stream_wait = from_state<gpu_stream_wait>::call;
    backend.event_create = from_state<gpu_event_create>::call;
    backend.event_destroy = from_state<gpu_event_destroy>::call;
    backend.event_record = from_state<gpu_event_record>::call;
    backend.event_synchronize = from_state<gpu_event_synchronize>::call;
    backend.event_elapsed = from_state<gpu_event_elapsed>::call;
    backend.kernel_families = from_state<gpu_kernel_families>::call;
    backend.explain = from_state<gpu_explain>::call;
    return backend;
}

/* Made while the plugin is loaded: entries may run side by side. */
static const varlen_backend backend = make_backend();

const varlen_backend *varlen_backend_entry(const varlen_host *host)
{
    if (host->abi_version >> 16 != VARLEN_BACKEND_ABI_MAJOR) {
        host->fail(VARLEN_ERROR_BACKEND_UNAVAILABLE, "built for ABI %u, the library has ABI %u",
                   VARLEN_BACKEND_ABI_MAJOR, host->abi_version >> 16);
        return nullptr;
    }
    return &backend;
}
