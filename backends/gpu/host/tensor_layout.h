/* A tensor in global memory and the box of it that one tensor copy moves, as the host describes them. Dimension 0 is
 * the innermost. Elements of a box that lie outside of the tensor are read as zeros, and not written. */
#ifndef VARLEN_GPU_TENSOR_LAYOUT_H
#define VARLEN_GPU_TENSOR_LAYOUT_H

#include "host/runtime.h"

constexpr int TENSOR_DIMENSIONS = 5; /* at most */

struct tensor_layout {
    const void *data; /* a multiple of 16. It need not be memory, nor need rows outside of the tensor, for boxes that
                       * have an element inside; but the hardware looks there for a box that has none */
    varlen_dtype dtype;
    int32_t dimensions;                 /* 2 .. 5 */
    uint64_t size[TENSOR_DIMENSIONS];   /* elements: 1 .. 2^32 */
    uint64_t stride[TENSOR_DIMENSIONS]; /* bytes, multiples of 16 below 2^40; [0] is not read */
    uint32_t box[TENSOR_DIMENSIONS];    /* elements: 1 .. 256 */
    int32_t swizzle;                    /* 128, 64 or 32 bytes, as many as box[0] has; or 0: as it is */
};

inline varlen_status tensor_dimension_check(const tensor_layout &layout, int32_t n)
{
    if (layout.size[n] < 1 || layout.size[n] > (uint64_t)1 << 32)
        return gpu_host->fail(VARLEN_ERROR_INVALID_ARGUMENT, "size[%d] = %llu of a tensor is not 1 .. 2^32", (int)n,
                              (unsigned long long)layout.size[n]);
    if (layout.box[n] < 1 || layout.box[n] > 256)
        return gpu_host->fail(VARLEN_ERROR_INVALID_ARGUMENT, "box[%d] = %u of a tensor is not 1 .. 256", (int)n,
                              (unsigned)layout.box[n]);
    if (n > 0 && (layout.stride[n] % 16 != 0 || layout.stride[n] >= (uint64_t)1 << 40))
        return gpu_host->fail(VARLEN_ERROR_INVALID_ARGUMENT,
                              "stride[%d] = %llu of a tensor is no multiple of 16 below 2^40", (int)n,
                              (unsigned long long)layout.stride[n]);
    return VARLEN_OK;
}

/* The rules of the hardware, in words. */
inline varlen_status tensor_layout_check(const tensor_layout &layout)
{
    const uint32_t row = layout.box[0] * (uint32_t)varlen_dtype_size(layout.dtype);
    if (layout.dimensions < 2 || layout.dimensions > TENSOR_DIMENSIONS)
        return gpu_host->fail(VARLEN_ERROR_INVALID_ARGUMENT, "a tensor of %d dimensions has not 2 .. 5",
                              (int)layout.dimensions);
    if ((uintptr_t)layout.data % 16 != 0)
        return gpu_host->fail(VARLEN_ERROR_INVALID_ARGUMENT, "data = %p of a tensor is no multiple of 16", layout.data);
    for (int32_t n = 0; n < layout.dimensions; n++) {
        const varlen_status status = tensor_dimension_check(layout, n);
        if (status != VARLEN_OK)
            return status;
    }
    if (layout.swizzle != 0 && layout.swizzle != 32 && layout.swizzle != 64 && layout.swizzle != 128)
        return gpu_host->fail(VARLEN_ERROR_INVALID_ARGUMENT, "swizzle = %d of a tensor is not 0, 32, 64 or 128",
                              (int)layout.swizzle);
    if (layout.swizzle ? row != (uint32_t)layout.swizzle : row % 16 != 0)
        return gpu_host->fail(VARLEN_ERROR_INVALID_ARGUMENT,
                              "box[0] = %u of a tensor has rows of %u bytes, which do not suit a swizzle of %d",
                              (unsigned)layout.box[0], (unsigned)row, (int)layout.swizzle);
    return VARLEN_OK;
}

#endif
