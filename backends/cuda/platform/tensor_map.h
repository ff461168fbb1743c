/* On the host: what tensor copies are told of a tensor. See backends/gpu/async_platform.h. */
#ifndef VARLEN_CUDA_TENSOR_MAP_H
#define VARLEN_CUDA_TENSOR_MAP_H

#include "host/tensor_layout.h"
#include "platform/runtime.h"
#include "platform/tensor_copy.h"

#include <cuda.h> /* types alone: libcuda is the driver's, and is never linked */

static_assert(sizeof(tensor_map) == sizeof(CUtensorMap) && alignof(tensor_map) >= alignof(CUtensorMap),
              "a tensor map is what the driver makes");

using tensor_map_encoder = decltype(&cuTensorMapEncodeTiled);

/* From the driver that the runtime has loaded. */
inline varlen_status tensor_map_find_encoder(tensor_map_encoder *encoder)
{
    void *function = nullptr;
    cudaDriverEntryPointQueryResult found;
#if CUDART_VERSION >= 12050
    const cudaError_t error =
        cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000, cudaEnableDefault, &found);
#else
    const cudaError_t error = cudaGetDriverEntryPoint("cuTensorMapEncodeTiled", &function, cudaEnableDefault, &found);
#endif
    if (error != cudaSuccess)
        return runtime_check(error, "tensor maps");
    if (found != cudaDriverEntryPointSuccess || !function)
        return gpu_host->fail(VARLEN_ERROR_DEVICE, "tensor maps: the driver has no cuTensorMapEncodeTiled");
    *encoder = (tensor_map_encoder)function;
    return VARLEN_OK;
}

inline CUtensorMapDataType tensor_map_type(varlen_dtype dtype)
{
    if (varlen_dtype_size(dtype) == 1)
        return CU_TENSOR_MAP_DATA_TYPE_UINT8;
    return dtype == VARLEN_FLOAT16    ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16
           : dtype == VARLEN_BFLOAT16 ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16
                                      : CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
}

inline CUtensorMapSwizzle tensor_map_swizzle(int32_t bytes)
{
    return bytes == 128  ? CU_TENSOR_MAP_SWIZZLE_128B
           : bytes == 64 ? CU_TENSOR_MAP_SWIZZLE_64B
           : bytes == 32 ? CU_TENSOR_MAP_SWIZZLE_32B
                         : CU_TENSOR_MAP_SWIZZLE_NONE;
}

inline varlen_status make_tensor_map(tensor_map *map, const tensor_layout &layout)
{
    varlen_status status = tensor_layout_check(layout);
    if (status != VARLEN_OK)
        return status;
    tensor_map_encoder encode = nullptr;
    status = tensor_map_find_encoder(&encode);
    if (status != VARLEN_OK)
        return status;
    cuuint64_t size[TENSOR_DIMENSIONS] = {};
    cuuint32_t step[TENSOR_DIMENSIONS] = {};
    cuuint64_t stride[TENSOR_DIMENSIONS] = {};
    for (int n = 0; n < layout.dimensions; n++) {
        size[n] = layout.size[n];
        step[n] = 1;
        if (n > 0)
            stride[n - 1] = layout.stride[n];
    }
    const CUresult result =
        encode((CUtensorMap *)map, tensor_map_type(layout.dtype), (cuuint32_t)layout.dimensions, (void *)layout.data,
               size, stride, layout.box, step, CU_TENSOR_MAP_INTERLEAVE_NONE, tensor_map_swizzle(layout.swizzle),
               CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    if (result != CUDA_SUCCESS)
        return gpu_host->fail(VARLEN_ERROR_DEVICE, "tensor maps: the driver's error %d", (int)result);
    return VARLEN_OK;
}

#endif
