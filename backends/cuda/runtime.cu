/* The CUDA runtime, as backends/gpu/host/runtime.h wants it. */
#include "platform/runtime.h"

#include "compiled_code.h"

const runtime_backend runtime_identity = {"cuda", "NVIDIA GPUs, from compute capability 8.0 on", 100};

/* ---- Devices ------------------------------------------------------------------------------------------------------
 */

/* The runtime reports a driver that is missing and one that is too old by the same error. */
static varlen_status fail_driver()
{
    int driver = 0;
    cudaDriverGetVersion(&driver);
    if (driver == 0)
        return gpu_host->fail(VARLEN_ERROR_BACKEND_UNAVAILABLE, "there is no CUDA driver here (libcuda.so.1)");
    return gpu_host->fail(VARLEN_ERROR_BACKEND_UNAVAILABLE,
                          "the CUDA driver is too old: it is made for CUDA %d.%d, this backend for CUDA %d.%d",
                          driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
}

varlen_status runtime_device_count(int32_t *count)
{
    const cudaError_t error = cudaGetDeviceCount(count);
    if (error == cudaSuccess)
        return VARLEN_OK;
    *count = 0;
    cudaGetLastError();
    switch (error) {
    case cudaErrorInsufficientDriver: return fail_driver();
    case cudaErrorNoDevice:
        return gpu_host->fail(VARLEN_ERROR_BACKEND_UNAVAILABLE, "the CUDA driver finds no NVIDIA GPU");
    default:
        return gpu_host->fail(VARLEN_ERROR_BACKEND_UNAVAILABLE, "the CUDA driver does not start: %s: %s",
                              cudaGetErrorName(error), cudaGetErrorString(error));
    }
}

varlen_status runtime_describe(int32_t device, runtime_device *description)
{
    cudaDeviceProp properties;
    const varlen_status status = runtime_check(cudaGetDeviceProperties(&properties, device), "properties of a device");
    if (status != VARLEN_OK)
        return status;
    compiled_code code;
    if (!find_code(CUDA_CODE, 10 * properties.major + properties.minor, &code))
        return gpu_host->fail(VARLEN_ERROR_BACKEND_UNAVAILABLE,
                              "%s has compute capability %d.%d, but this backend has code for %s alone",
                              properties.name, properties.major, properties.minor, CUDA_CODE);
    *description = {};
    snprintf(description->name, sizeof description->name, "%.127s", properties.name);
    snprintf(description->code, sizeof description->code, "%s", code.name);
    description->memory_bytes = properties.totalGlobalMem;
    description->processors = properties.multiProcessorCount;
    description->architecture = find_architecture(code.capability);
    return VARLEN_OK;
}

varlen_status runtime_get_device(int32_t *device)
{
    return runtime_check(cudaGetDevice(device), "the current device");
}

varlen_status runtime_set_device(int32_t device)
{
    return runtime_check(cudaSetDevice(device), "choosing a device");
}

/* ---- On the current device ----------------------------------------------------------------------------------------
 */

static __global__ void empty_kernel()
{
}

/* All of the plugin is compiled for the same architectures: if this kernel can be loaded, so can the others. */
varlen_status runtime_prepare(const gpu_architecture **architecture)
{
    cudaFuncAttributes attributes;
    const cudaError_t error = cudaFuncGetAttributes(&attributes, empty_kernel);
    switch (error) {
    case cudaSuccess: *architecture = find_architecture(attributes.ptxVersion); return VARLEN_OK;
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorInvalidDeviceFunction:
    case cudaErrorUnsupportedPtxVersion:
    case cudaErrorJitCompilerNotFound:
        cudaGetLastError();
        return gpu_host->fail(VARLEN_ERROR_BACKEND_UNAVAILABLE, "this backend has no code for the device: %s: %s",
                              cudaGetErrorName(error), cudaGetErrorString(error));
    default: return runtime_check(error, "loading kernels");
    }
}

varlen_status runtime_synchronize(void)
{
    return runtime_check(cudaDeviceSynchronize(), "waiting for the device");
}

varlen_status runtime_alloc(size_t size, void **data)
{
    *data = nullptr;
    return runtime_check(cudaMalloc(data, size), "device memory");
}

varlen_status runtime_free(void *data)
{
    return runtime_check(cudaFree(data), "freeing device memory");
}

varlen_status runtime_alloc_host(size_t size, void **data)
{
    *data = nullptr;
    return runtime_check(cudaHostAlloc(data, size, cudaHostAllocMapped | cudaHostAllocPortable), "pinned memory");
}

varlen_status runtime_free_host(void *data)
{
    return runtime_check(cudaFreeHost(data), "freeing pinned memory");
}

varlen_status runtime_copy(varlen_stream stream, void *destination, const void *source, size_t size)
{
    return runtime_check(cudaMemcpyAsync(destination, source, size, cudaMemcpyDefault, (cudaStream_t)stream), "copy");
}

varlen_status runtime_fill(varlen_stream stream, void *destination, uint8_t value, size_t size)
{
    return runtime_check(cudaMemsetAsync(destination, value, size, (cudaStream_t)stream), "fill");
}

/* ---- Streams and events -------------------------------------------------------------------------------------------
 */

varlen_status runtime_stream_create(varlen_stream *stream)
{
    return runtime_check(cudaStreamCreateWithFlags((cudaStream_t *)stream, cudaStreamNonBlocking), "a new stream");
}

varlen_status runtime_stream_destroy(varlen_stream stream)
{
    return runtime_check(cudaStreamDestroy((cudaStream_t)stream), "the end of a stream");
}

varlen_status runtime_stream_synchronize(varlen_stream stream)
{
    return runtime_check(cudaStreamSynchronize((cudaStream_t)stream), "waiting for a stream");
}

varlen_status runtime_stream_wait(varlen_stream stream, varlen_event event)
{
    return runtime_check(cudaStreamWaitEvent((cudaStream_t)stream, (cudaEvent_t)event, 0), "a stream's wait");
}

varlen_status runtime_event_create(varlen_event *event)
{
    return runtime_check(cudaEventCreate((cudaEvent_t *)event), "a new event");
}

varlen_status runtime_event_destroy(varlen_event event)
{
    return runtime_check(cudaEventDestroy((cudaEvent_t)event), "the end of an event");
}

varlen_status runtime_event_record(varlen_event event, varlen_stream stream)
{
    return runtime_check(cudaEventRecord((cudaEvent_t)event, (cudaStream_t)stream), "recording an event");
}

varlen_status runtime_event_synchronize(varlen_event event)
{
    return runtime_check(cudaEventSynchronize((cudaEvent_t)event), "waiting for an event");
}

varlen_status runtime_event_elapsed(varlen_event start, varlen_event end, double *milliseconds)
{
    float elapsed;
    const cudaError_t error = cudaEventElapsedTime(&elapsed, (cudaEvent_t)start, (cudaEvent_t)end);
    if (error == cudaErrorInvalidResourceHandle || error == cudaErrorNotReady) {
        cudaGetLastError();
        return gpu_host->fail(VARLEN_ERROR_INVALID_ARGUMENT, "start or end has not been %s",
                              error == cudaErrorNotReady ? "reached" : "recorded");
    }
    if (error == cudaSuccess)
        *milliseconds = elapsed;
    return runtime_check(error, "time between events");
}
