/* A HIP runtime without a device: see stub_runtime.h. It has the functions that the HIP backend calls. */
#include "stub_runtime.h"

#include <hip/hip_runtime_api.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_KERNELS = 4096, MOST_LAUNCHES = 64, ALIGNMENT = 256, PROCESSORS = 64 };

/* Code that the compiler writes calls these. */
void **__hipRegisterFatBinary(const void *data);
void __hipUnregisterFatBinary(void **modules);
void __hipRegisterFunction(void **modules, const void *host, char *device, const char *name, unsigned limit,
                           void *thread, void *block, void *block_dim, void *grid_dim, int *warp);
hipError_t __hipPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared_bytes, hipStream_t *stream);

static struct {
    const void *host;
    const char *name;
} kernels[MOST_KERNELS];
static int kernel_count;

static stub_launch launches[MOST_LAUNCHES];
static int launch_count;

static bool is_in_call;
static int current_device;
static hipError_t last_error;

static hipError_t result(hipError_t error)
{
    if (error != hipSuccess)
        last_error = error;
    return error;
}

/* The result of what a call of varlen must not do. */
static hipError_t outside_of_calls(const char *function, hipError_t error)
{
    if (is_in_call) {
        fprintf(stderr, "%s inside a call\n", function);
        abort();
    }
    return result(error);
}

#define OUTSIDE_OF_CALLS(error) outside_of_calls(__func__, error)

/* ---- For tests ----------------------------------------------------------------------------------------------------
 */

void stub_call_begins(void)
{
    launch_count = 0;
    is_in_call = true;
}

void stub_call_ends(void)
{
    is_in_call = false;
}

int stub_launch_count(void)
{
    return launch_count;
}

const stub_launch *stub_launch_at(int number)
{
    return &launches[number];
}

/* ---- Devices ------------------------------------------------------------------------------------------------------
 */

static int device_count(void)
{
    const char *text = getenv("VARLEN_STUB_DEVICES");
    return text ? atoi(text) : 0;
}

hipError_t hipGetDeviceCount(int *count)
{
    *count = device_count();
    return OUTSIDE_OF_CALLS(*count > 0 ? hipSuccess : hipErrorNoDevice);
}

hipError_t hipGetDeviceProperties(hipDeviceProp_t *properties, int device)
{
    const char *text = getenv("VARLEN_STUB_ARCHITECTURE");
    const char *architecture = text ? text : "gfx942";
    if (device < 0 || device >= device_count())
        return OUTSIDE_OF_CALLS(hipErrorInvalidDevice);
    memset(properties, 0, sizeof *properties);
    snprintf(properties->name, sizeof properties->name, "stub");
    snprintf(properties->gcnArchName, sizeof properties->gcnArchName, "%s:sramecc+:xnack-", architecture);
    properties->totalGlobalMem = (size_t)16 << 30;
    properties->multiProcessorCount = PROCESSORS;
    properties->warpSize = strncmp(architecture, "gfx9", 4) == 0 ? 64 : 32;
    properties->maxThreadsPerBlock = STUB_MOST_THREADS;
    properties->sharedMemPerBlock = STUB_MOST_SHARED;
    return OUTSIDE_OF_CALLS(hipSuccess);
}

hipError_t hipGetDevice(int *device)
{
    *device = current_device;
    return result(hipSuccess);
}

hipError_t hipSetDevice(int device)
{
    if (device < 0 || device >= device_count())
        return result(hipErrorInvalidDevice);
    current_device = device;
    return result(hipSuccess);
}

hipError_t hipDeviceSynchronize(void)
{
    return OUTSIDE_OF_CALLS(hipSuccess);
}

hipError_t hipGetLastError(void)
{
    const hipError_t error = last_error;
    last_error = hipSuccess;
    return error;
}

const char *hipGetErrorName(hipError_t error)
{
    switch (error) {
    case hipSuccess: return "hipSuccess";
    case hipErrorInvalidValue: return "hipErrorInvalidValue";
    case hipErrorOutOfMemory: return "hipErrorOutOfMemory";
    case hipErrorInvalidConfiguration: return "hipErrorInvalidConfiguration";
    case hipErrorInvalidDeviceFunction: return "hipErrorInvalidDeviceFunction";
    case hipErrorNoDevice: return "hipErrorNoDevice";
    case hipErrorInvalidDevice: return "hipErrorInvalidDevice";
    default: return "hipErrorUnknown";
    }
}

const char *hipGetErrorString(hipError_t error)
{
    (void)error;
    return "said by a stub";
}

/* ---- Memory -------------------------------------------------------------------------------------------------------
 */

static hipError_t allocate(size_t size, void **data)
{
    *data = aligned_alloc(ALIGNMENT, (size / ALIGNMENT + 1) * ALIGNMENT);
    return *data ? hipSuccess : hipErrorOutOfMemory;
}

hipError_t hipMalloc(void **data, size_t size)
{
    return OUTSIDE_OF_CALLS(allocate(size, data));
}

hipError_t hipFree(void *data)
{
    free(data);
    return OUTSIDE_OF_CALLS(hipSuccess);
}

hipError_t hipHostMalloc(void **data, size_t size, unsigned flags)
{
    (void)flags;
    return OUTSIDE_OF_CALLS(allocate(size, data));
}

hipError_t hipHostFree(void *data)
{
    free(data);
    return OUTSIDE_OF_CALLS(hipSuccess);
}

hipError_t hipMemcpyAsync(void *destination, const void *source, size_t size, hipMemcpyKind kind, hipStream_t stream)
{
    (void)kind;
    (void)stream;
    memmove(destination, source, size);
    return OUTSIDE_OF_CALLS(hipSuccess);
}

hipError_t hipMemsetAsync(void *destination, int value, size_t size, hipStream_t stream)
{
    (void)stream;
    memset(destination, value, size);
    return OUTSIDE_OF_CALLS(hipSuccess);
}

/* ---- Streams and events, which have nothing to order --------------------------------------------------------------
 */

hipError_t hipStreamCreateWithFlags(hipStream_t *stream, unsigned flags)
{
    (void)flags;
    return OUTSIDE_OF_CALLS(allocate(1, (void **)stream));
}

hipError_t hipStreamDestroy(hipStream_t stream)
{
    free(stream);
    return OUTSIDE_OF_CALLS(hipSuccess);
}

hipError_t hipStreamSynchronize(hipStream_t stream)
{
    (void)stream;
    return OUTSIDE_OF_CALLS(hipSuccess);
}

hipError_t hipStreamWaitEvent(hipStream_t stream, hipEvent_t event, unsigned flags)
{
    (void)stream;
    (void)event;
    (void)flags;
    return OUTSIDE_OF_CALLS(hipSuccess);
}

hipError_t hipEventCreate(hipEvent_t *event)
{
    return OUTSIDE_OF_CALLS(allocate(1, (void **)event));
}

hipError_t hipEventDestroy(hipEvent_t event)
{
    free(event);
    return OUTSIDE_OF_CALLS(hipSuccess);
}

hipError_t hipEventRecord(hipEvent_t event, hipStream_t stream)
{
    (void)event;
    (void)stream;
    return OUTSIDE_OF_CALLS(hipSuccess);
}

hipError_t hipEventSynchronize(hipEvent_t event)
{
    (void)event;
    return OUTSIDE_OF_CALLS(hipSuccess);
}

hipError_t hipEventElapsedTime(float *milliseconds, hipEvent_t start, hipEvent_t end)
{
    (void)start;
    (void)end;
    *milliseconds = 0;
    return OUTSIDE_OF_CALLS(hipSuccess);
}

/* ---- Kernels ------------------------------------------------------------------------------------------------------
 */

void **__hipRegisterFatBinary(const void *data)
{
    (void)data;
    static void *modules;
    return &modules;
}

void __hipUnregisterFatBinary(void **modules)
{
    (void)modules;
}

void __hipRegisterFunction(void **modules, const void *host, char *device, const char *name, unsigned limit,
                           void *thread, void *block, void *block_dim, void *grid_dim, int *warp)
{
    (void)modules;
    (void)device;
    (void)limit;
    (void)thread;
    (void)block;
    (void)block_dim;
    (void)grid_dim;
    (void)warp;
    if (kernel_count == MOST_KERNELS) {
        fputs("the stub has no room for another kernel\n", stderr);
        abort();
    }
    kernels[kernel_count].host = host;
    kernels[kernel_count].name = name;
    kernel_count++;
}

static const char *kernel_name(const void *host)
{
    for (int n = 0; n < kernel_count; n++)
        if (kernels[n].host == host)
            return kernels[n].name;
    return NULL;
}

hipError_t hipFuncGetAttributes(struct hipFuncAttributes *attributes, const void *host)
{
    memset(attributes, 0, sizeof *attributes);
    attributes->maxThreadsPerBlock = STUB_MOST_THREADS;
    return OUTSIDE_OF_CALLS(kernel_name(host) ? hipSuccess : hipErrorInvalidDeviceFunction);
}

/* A grid has fewer than 2^32 threads. */
static bool can_be_launched(dim3 grid, dim3 block, size_t shared_bytes)
{
    return grid.x > 0 && grid.y == 1 && grid.z == 1 && block.x > 0 && block.y == 1 && block.z == 1 &&
           block.x <= STUB_MOST_THREADS && (uint64_t)grid.x * block.x <= UINT32_MAX && shared_bytes <= STUB_MOST_SHARED;
}

hipError_t hipLaunchKernel(const void *host, dim3 grid, dim3 block, void **arguments, size_t shared_bytes,
                           hipStream_t stream)
{
    const char *name = kernel_name(host);
    if (!name)
        return result(hipErrorInvalidDeviceFunction);
    if (!can_be_launched(grid, block, shared_bytes))
        return result(hipErrorInvalidConfiguration);
    if (!arguments || !arguments[0])
        return result(hipErrorInvalidValue);
    if (launch_count == MOST_LAUNCHES) {
        fputs("the stub has no room for another launch\n", stderr);
        abort();
    }
    launches[launch_count++] = (stub_launch){name, grid.x, block.x, shared_bytes, current_device, stream};
    return result(hipSuccess);
}

/* For kernels that are launched with <<< >>>, which the HIP backend does not do; the compiler makes it possible. */
hipError_t __hipPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared_bytes, hipStream_t *stream)
{
    (void)grid;
    (void)block;
    (void)shared_bytes;
    (void)stream;
    return result(hipErrorInvalidValue);
}
