/* On the host: what tensor copies are told of a tensor. See backends/gpu/async_platform.h. */
#ifndef VARLEN_SIMT_TENSOR_MAP_H
#define VARLEN_SIMT_TENSOR_MAP_H

#include "host/tensor_layout.h"
#include "platform/runtime.h"
#include "platform/tensor_copy.h"

inline varlen_status make_tensor_map(tensor_map *map, const tensor_layout &layout)
{
    const varlen_status status = tensor_layout_check(layout);
    if (status != VARLEN_OK)
        return status;
    simt_tensor tensor = {};
    tensor.data = (const char *)layout.data;
    tensor.element_bytes = (int32_t)varlen_dtype_size(layout.dtype);
    tensor.dimensions = layout.dimensions;
    tensor.swizzle = layout.swizzle;
    for (int n = 0; n < layout.dimensions; n++) {
        tensor.size[n] = layout.size[n];
        tensor.stride[n] = layout.stride[n];
        tensor.box[n] = layout.box[n];
    }
    map->tensor = tensor;
    return VARLEN_OK;
}

#endif
