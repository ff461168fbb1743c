/* Launches of CUDA kernels; see backends/gpu/host/runtime.h. */
#ifndef VARLEN_CUDA_RUNTIME_H
#define VARLEN_CUDA_RUNTIME_H

#include "host/runtime.h"

#include <atomic>
#include <cuda_runtime.h>

/* VARLEN_OK, or a failure that quotes the runtime; `what` says what was being done. */
inline varlen_status runtime_check(cudaError_t error, const char *what)
{
    if (error == cudaSuccess)
        return VARLEN_OK;
    cudaGetLastError(); /* errors that do not poison the device are told once */
    return gpu_host->fail(error == cudaErrorMemoryAllocation ? VARLEN_ERROR_OUT_OF_MEMORY : VARLEN_ERROR_DEVICE,
                          "%s: %s: %s", what, cudaGetErrorName(error), cudaGetErrorString(error));
}

/* What has been found out about a kernel, with a bit for each device. */
template <auto KERNEL> struct kernel_facts {
    static inline std::atomic<uint64_t> prepared{0};
    static inline std::atomic<uint64_t> overlaps{0}; /* its code can wait for the kernel before it */
};

/* Dynamic shared memory above 48 KB must be asked for once per kernel and device. Code for Hopper waits for the kernel
 * before it; code for older devices, which later ones may be running too, does not. */
template <auto KERNEL> varlen_status launch_prepare(uint64_t device_bit, int32_t shared_bytes)
{
    using facts = kernel_facts<KERNEL>;
    if (facts::prepared.load(std::memory_order_acquire) & device_bit)
        return VARLEN_OK;
    cudaFuncAttributes attributes;
    cudaError_t error = cudaFuncGetAttributes(&attributes, KERNEL);
    if (error == cudaSuccess && shared_bytes > 48 * 1024)
        error = cudaFuncSetAttribute(KERNEL, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes);
    if (error != cudaSuccess)
        return runtime_check(error, "shared memory of a kernel");
    if (attributes.ptxVersion >= 90)
        facts::overlaps.fetch_or(device_bit, std::memory_order_relaxed);
    facts::prepared.fetch_or(device_bit, std::memory_order_release);
    return VARLEN_OK;
}

template <auto KERNEL, typename ARGUMENTS>
varlen_status launch(int32_t device, const launch_shape &shape, varlen_stream stream, const ARGUMENTS &arguments)
{
    const uint64_t bit = (uint64_t)1 << (device & 63);
    varlen_status status = launch_prepare<KERNEL>(bit, shape.shared_bytes);
    if (status != VARLEN_OK)
        return status;
    cudaLaunchAttribute overlap = {};
    overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    overlap.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3((unsigned)shape.blocks);
    config.blockDim = dim3((unsigned)shape.threads);
    config.dynamicSmemBytes = (size_t)shape.shared_bytes;
    config.stream = (cudaStream_t)stream;
    config.attrs = &overlap;
    config.numAttrs = shape.overlaps && kernel_facts<KERNEL>::overlaps.load(std::memory_order_relaxed) & bit ? 1 : 0;
    void *pointers[] = {(void *)&arguments};
    return runtime_check(cudaLaunchKernelExC(&config, (const void *)KERNEL, pointers), "launch of a kernel");
}

#endif
