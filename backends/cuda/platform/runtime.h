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

/* Dynamic shared memory above 48 KB must be asked for once per kernel and device. */
template <auto KERNEL> varlen_status launch_prepare(int32_t device, int32_t shared_bytes)
{
    static std::atomic<uint64_t> prepared{0};
    const uint64_t bit = (uint64_t)1 << (device & 63);
    if (shared_bytes <= 48 * 1024 || prepared.load(std::memory_order_acquire) & bit)
        return VARLEN_OK;
    cudaError_t error = cudaFuncSetAttribute(KERNEL, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes);
    if (error == cudaSuccess)
        prepared.fetch_or(bit, std::memory_order_release);
    return runtime_check(error, "shared memory of a kernel");
}

template <auto KERNEL, typename ARGUMENTS>
varlen_status launch(int32_t device, const launch_shape &shape, varlen_stream stream, const ARGUMENTS &arguments)
{
    varlen_status status = launch_prepare<KERNEL>(device, shape.shared_bytes);
    if (status != VARLEN_OK)
        return status;
    void *pointers[] = {(void *)&arguments};
    return runtime_check(cudaLaunchKernel((const void *)KERNEL, dim3((unsigned)shape.blocks),
                                          dim3((unsigned)shape.threads), pointers, (size_t)shape.shared_bytes,
                                          (cudaStream_t)stream),
                         "launch of a kernel");
}

#endif
