/* The CPU backend's entry and its table of functions. */
#include "../workspace_size.h"
#include "around.h"
#include "backward.h"
#include "device.h"
#include "forward.h"
#include "isa.h"
#include "memory.h"
#include "openmp.h"
#include "processors.h"
#include "state.h"

#include <stdbool.h>
#include <stdlib.h>

static varlen_status cpu_open(const varlen_backend_open *options, void **state)
{
    const varlen_host *host = options->host;
    const cpu_kernels *kernels;
    varlen_status status = cpu_isa_choose(host, &kernels);
    if (status != VARLEN_OK)
        return status;
    cpu_state *cpu = malloc(sizeof *cpu);
    if (!cpu)
        return host->fail(VARLEN_ERROR_OUT_OF_MEMORY, "no memory for a context");
    *cpu = (cpu_state){
        .host = host,
        .kernels = kernels,
        .threads = options->threads ? options->threads : cpu_processors(),
        .follows_openmp = options->threads == 0,
        .environment = cpu_openmp_environment(),
    };
    host->log(VARLEN_LOG_INFO, "cpu: %s kernels, %d threads", kernels->name, cpu->threads);
    *state = cpu;
    return VARLEN_OK;
}

static void cpu_close(void *state)
{
    free(state);
}

static size_t workspace_of(const cpu_state *cpu, const varlen_attention *attention, varlen_pass pass)
{
    bool forward = pass == VARLEN_PASS_FORWARD;
    return forward ? cpu_forward_workspace(cpu, attention) : cpu_backward_workspace(cpu, attention);
}

/* All that the limits claim, as far as 32 bits count the panels of a sequence and 64 bits the bytes of memory. */
static varlen_status cpu_supports(void *state, const varlen_attention *attention, varlen_pass pass)
{
    const cpu_state *cpu = state;
    const int64_t rows = attention->total_q * cpu_group(attention);
    if (rows / cpu_kernels_for(cpu, attention->dtype)->panel_rows >= INT32_MAX)
        return cpu_host(cpu)->fail(
            VARLEN_ERROR_UNSUPPORTED,
            "total_q = %lld with q_heads = %d and kv_heads = %d makes more rows than the cpu backend "
            "can number",
            (long long)attention->total_q, attention->q_heads, attention->kv_heads);
    return workspace_check(cpu_host(cpu), attention, workspace_of(cpu, attention, pass));
}

static varlen_status cpu_workspace_size(void *state, const varlen_attention *attention, varlen_pass pass, size_t *size)
{
    *size = workspace_of(state, attention, pass);
    return VARLEN_OK;
}

static varlen_status cpu_explain(void *state, const varlen_attention *attention, varlen_pass pass, char *text,
                                 size_t size)
{
    (void)pass;
    const cpu_state *cpu = state;
    cpu_isa_explain(cpu->kernels, cpu_kernels_for(cpu, attention->dtype), text, size);
    return VARLEN_OK;
}

static varlen_status cpu_forward_call(void *state, varlen_stream stream, const varlen_attention *attention,
                                      const varlen_forward_args *args)
{
    (void)stream;
    cpu_forward(state, attention, args);
    return VARLEN_OK;
}

static varlen_status cpu_backward_call(void *state, varlen_stream stream, const varlen_attention *attention,
                                       const varlen_backward_args *args)
{
    (void)stream;
    cpu_backward(state, attention, args);
    return VARLEN_OK;
}

static const varlen_struct_sizes struct_sizes = VARLEN_STRUCT_SIZES;

/* Kernels take all features, in both passes, and dims up to what their rows on the stack hold. */
static const varlen_limits limits = {
    .struct_size = sizeof limits,
    .features = VARLEN_FEATURE_SEQUSED_Q | VARLEN_FEATURE_SEQUSED_K | VARLEN_FEATURE_LEFTPAD_K | VARLEN_FEATURE_ALIBI |
                VARLEN_FEATURE_SINKS | VARLEN_FEATURE_DROPOUT_STATE | VARLEN_FEATURE_LSE | VARLEN_FEATURE_DSINKS |
                VARLEN_FEATURE_EXPANDED | VARLEN_FEATURE_CAUSAL | VARLEN_FEATURE_WINDOW | VARLEN_FEATURE_TOP_LEFT |
                VARLEN_FEATURE_SOFTCAP | VARLEN_FEATURE_DROPOUT | VARLEN_FEATURE_PAGED | VARLEN_FEATURE_DETERMINISTIC |
                VARLEN_FEATURE_BATCH_INVARIANT | VARLEN_FEATURE_DLSE | VARLEN_FEATURE_KEY_RANGES |
                VARLEN_FEATURE_QUERY_POSITIONS | VARLEN_FEATURE_KEY_STARTS | VARLEN_FEATURE_TREE_MASK |
                VARLEN_FEATURE_LEFTPAD_Q | VARLEN_FEATURE_CHUNK,
    .dtypes = 1u << VARLEN_FLOAT32 | 1u << VARLEN_FLOAT16 | 1u << VARLEN_BFLOAT16,
    .head_dim = CPU_MAX_DIM,
    .value_dim = CPU_MAX_DIM,
};

static const varlen_backend backend = {
    .abi_version = VARLEN_BACKEND_ABI_VERSION,
    .priority = 0,
    .struct_size = sizeof(varlen_backend),
    .name = "cpu",
    .description = "any CPU",
    .struct_sizes = &struct_sizes,
    .forward_limits = &limits,
    .backward_limits = &limits,
    .merge_limits = &limits,
    .kv_append_limits = &limits,
    .device_count = cpu_device_count,
    .device_info = cpu_device_info,
    .open = cpu_open,
    .close = cpu_close,
    .supports = cpu_supports,
    .workspace_size = cpu_workspace_size,
    .forward = cpu_forward_call,
    .backward = cpu_backward_call,
    .merge = cpu_merge,
    .cu_seqlens = cpu_cu_seqlens,
    .pack = cpu_pack,
    .unpack = cpu_unpack,
    .kv_append = cpu_kv_append,
    .alloc = cpu_alloc,
    .free = cpu_free,
    .copy = cpu_copy,
    .fill = cpu_fill,
    .stream_create = cpu_stream_create,
    .stream_destroy = cpu_stream_destroy,
    .stream_synchronize = cpu_stream_synchronize,
    .stream_wait = cpu_stream_wait,
    .event_create = cpu_event_create,
    .event_destroy = cpu_event_destroy,
    .event_record = cpu_event_record,
    .event_synchronize = cpu_event_synchronize,
    .event_elapsed = cpu_event_elapsed,
    .explain = cpu_explain,
};

const varlen_backend *varlen_backend_entry(const varlen_host *host)
{
    if (host->abi_version >> 16 != VARLEN_BACKEND_ABI_MAJOR) {
        host->fail(VARLEN_ERROR_BACKEND_UNAVAILABLE, "built for ABI %u, the library has ABI %u",
                   VARLEN_BACKEND_ABI_MAJOR, host->abi_version >> 16);
        return NULL;
    }
    return &backend;
}
