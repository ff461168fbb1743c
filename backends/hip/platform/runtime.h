/* Launches of HIP kernels; see backends/gpu/host/runtime.h. */
#ifndef VARLEN_HIP_RUNTIME_H
#define VARLEN_HIP_RUNTIME_H

#include "host/runtime.h"

#include <hip/hip_runtime_api.h>

/* VARLEN_OK, or a failure that quotes the runtime; `what` says what was being done. */
inline varlen_status runtime_check(hipError_t error, const char *what)
{
    if (error == hipSuccess)
        return VARLEN_OK;
    (void)hipGetLastError(); /* errors that do not poison the device are told once */
    return gpu_host->fail(error == hipErrorOutOfMemory ? VARLEN_ERROR_OUT_OF_MEMORY : VARLEN_ERROR_DEVICE, "%s: %s: %s",
                          what, hipGetErrorName(error), hipGetErrorString(error));
}

template <auto KERNEL, typename ARGUMENTS>
varlen_status launch(int32_t, const launch_shape &shape, varlen_stream stream, const ARGUMENTS &arguments)
{
    void *pointers[] = {(void *)&arguments};
    return runtime_check(hipLaunchKernel((const void *)KERNEL, dim3((unsigned)shape.blocks),
                                         dim3((unsigned)shape.threads), pointers, (size_t)shape.shared_bytes,
                                         (hipStream_t)stream),
                         "launch of a kernel");
}

#endif
