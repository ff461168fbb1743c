/* The HIP runtime, as backends/gpu/host/runtime.h wants it. */
#include "platform/runtime.h"

#include "platform/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const runtime_backend runtime_identity = {"hip", "AMD GPUs: " HIP_ARCHITECTURES, 90};

/* ---- Devices ------------------------------------------------------------------------------------------------------
 */

varlen_status runtime_device_count(int32_t *count)
{
    const hipError_t error = hipGetDeviceCount(count);
    if (error == hipSuccess && *count > 0)
        return VARLEN_OK;
    *count = 0;
    (void)hipGetLastError();
    if (error == hipSuccess || error == hipErrorNoDevice)
        return gpu_host->fail(VARLEN_ERROR_BACKEND_UNAVAILABLE, "the HIP runtime finds no AMD GPU");
    return gpu_host->fail(VARLEN_ERROR_BACKEND_UNAVAILABLE, "the HIP runtime does not start: %s: %s",
                          hipGetErrorName(error), hipGetErrorString(error));
}

/* Whether `name` is one of those that CMakeLists.txt compiles for, which are separated by blanks. */
static bool is_compiled_for(const char *name)
{
    const size_t length = strlen(name);
    const char *list = HIP_ARCHITECTURES;
    for (const char *at = strstr(list, name); at; at = strstr(at + 1, name))
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    return false;
}

/* Of an architecture's name: 0x90a of "gfx90a". */
static int number_of(const char *name)
{
    return strncmp(name, "gfx", 3) == 0 ? (int)strtol(name + 3, nullptr, 16) : 0;
}

varlen_status runtime_describe(int32_t device, runtime_device *description)
{
    hipDeviceProp_t properties;
    const varlen_status status = runtime_check(hipGetDeviceProperties(&properties, device), "properties of a device");
    if (status != VARLEN_OK)
        return status;
    *description = {};
    snprintf(description->name, sizeof description->name, "%.127s", properties.name);
    /* What follows a colon is the state of features that kernels do not depend on. */
    snprintf(description->code, sizeof description->code, "%.*s", (int)strcspn(properties.gcnArchName, ":"),
             properties.gcnArchName);
    description->architecture = find_architecture(number_of(description->code));
    if (!is_compiled_for(description->code) || !description->architecture)
        return gpu_host->fail(VARLEN_ERROR_BACKEND_UNAVAILABLE, "%s is a %s, but this backend has code for %s alone",
                              properties.name, description->code, HIP_ARCHITECTURES);
    description->memory_bytes = properties.totalGlobalMem;
    description->processors = properties.multiProcessorCount;
    return VARLEN_OK;
}

varlen_status runtime_get_device(int32_t *device)
{
    int current = 0;
    const varlen_status status = runtime_check(hipGetDevice(&current), "the current device");
    *device = current;
    return status;
}

varlen_status runtime_set_device(int32_t device)
{
    return runtime_check(hipSetDevice(device), "choosing a device");
}

/* ---- On the current device ----------------------------------------------------------------------------------------
 */

static GPU_KERNEL(64, 1) empty_kernel()
{
}

/* All of the plugin is compiled for the same architectures: if this kernel can be loaded, so can the others. */
varlen_status runtime_prepare(const gpu_architecture **)
{
    hipFuncAttributes attributes;
    const hipError_t error = hipFuncGetAttributes(&attributes, (const void *)empty_kernel);
    switch (error) {
    case hipErrorNoBinaryForGpu:
    case hipErrorInvalidDeviceFunction:
    case hipErrorSharedObjectInitFailed:
        (void)hipGetLastError();
        return gpu_host->fail(VARLEN_ERROR_BACKEND_UNAVAILABLE, "this backend has no code for the device: %s: %s",
                              hipGetErrorName(error), hipGetErrorString(error));
    default: return runtime_check(error, "loading kernels");
    }
}

varlen_status runtime_synchronize(void)
{
    return runtime_check(hipDeviceSynchronize(), "waiting for the device");
}

varlen_status runtime_alloc(size_t size, void **data)
{
    *data = nullptr;
    return runtime_check(hipMalloc(data, size), "device memory");
}

varlen_status runtime_free(void *data)
{
    return runtime_check(hipFree(data), "freeing device memory");
}

varlen_status runtime_alloc_host(size_t size, void **data)
{
    *data = nullptr;
    return runtime_check(hipHostMalloc(data, size, hipHostMallocMapped | hipHostMallocPortable), "pinned memory");
}

varlen_status runtime_free_host(void *data)
{
    return runtime_check(hipHostFree(data), "freeing pinned memory");
}

varlen_status runtime_copy(varlen_stream stream, void *destination, const void *source, size_t size)
{
    return runtime_check(hipMemcpyAsync(destination, source, size, hipMemcpyDefault, (hipStream_t)stream), "copy");
}

varlen_status runtime_fill(varlen_stream stream, void *destination, uint8_t value, size_t size)
{
    return runtime_check(hipMemsetAsync(destination, value, size, (hipStream_t)stream), "fill");
}

/* ---- Streams and events -------------------------------------------------------------------------------------------
 */

varlen_status runtime_stream_create(varlen_stream *stream)
{
    return runtime_check(hipStreamCreateWithFlags((hipStream_t *)stream, hipStreamNonBlocking), "a new stream");
}

varlen_status runtime_stream_destroy(varlen_stream stream)
{
    return runtime_check(hipStreamDestroy((hipStream_t)stream), "the end of a stream");
}

varlen_status runtime_stream_synchronize(varlen_stream stream)
{
    return runtime_check(hipStreamSynchronize((hipStream_t)stream), "waiting for a stream");
}

varlen_status runtime_stream_wait(varlen_stream stream, varlen_event event)
{
    return runtime_check(hipStreamWaitEvent((hipStream_t)stream, (hipEvent_t)event, 0), "a stream's wait");
}

varlen_status runtime_event_create(varlen_event *event)
{
    return runtime_check(hipEventCreate((hipEvent_t *)event), "a new event");
}

varlen_status runtime_event_destroy(varlen_event event)
{
    return runtime_check(hipEventDestroy((hipEvent_t)event), "the end of an event");
}

varlen_status runtime_event_record(varlen_event event, varlen_stream stream)
{
    return runtime_check(hipEventRecord((hipEvent_t)event, (hipStream_t)stream), "recording an event");
}

varlen_status runtime_event_synchronize(varlen_event event)
{
    return runtime_check(hipEventSynchronize((hipEvent_t)event), "waiting for an event");
}

varlen_status runtime_event_elapsed(varlen_event start, varlen_event end, double *milliseconds)
{
    float elapsed = 0.0f;
    const hipError_t error = hipEventElapsedTime(&elapsed, (hipEvent_t)start, (hipEvent_t)end);
    if (error == hipErrorInvalidResourceHandle || error == hipErrorInvalidHandle || error == hipErrorNotReady) {
        (void)hipGetLastError();
        return gpu_host->fail(VARLEN_ERROR_INVALID_ARGUMENT, "start or end has not been %s",
                              error == hipErrorNotReady ? "reached" : "recorded");
    }
    if (error == hipSuccess)
        *milliseconds = elapsed;
    return runtime_check(error, "time between events");
}
