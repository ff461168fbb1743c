/* How a product of a warp group names a matrix in shared memory; PTX ISA, "Matrix descriptor" of wgmma. In 16 bytes:
 *
 *     bits 0-13   where the matrix starts
 *     bits 16-29  leading offset: by columns, between neighbouring panels; by rows, without a meaning
 *     bits 32-45  stride offset: between neighbouring groups of 8 rows
 *     bits 49-51  base offset: 0, since panels are aligned to their pattern
 *     bits 62-63  swizzle: 1 of 128 bytes, 2 of 64, 3 of 32 */
#ifndef VARLEN_GPU_MATRIX_DESCRIPTOR_H
#define VARLEN_GPU_MATRIX_DESCRIPTOR_H

#include "platform/device.h"

struct matrix_layout {
    int swizzle; /* bytes */
    int leading; /* bytes */
    int stride;  /* bytes */
};

/* What does not depend on where a matrix is. */
constexpr uint64_t descriptor_of(const matrix_layout &layout)
{
    const uint64_t mode = layout.swizzle == 128 ? 1 : layout.swizzle == 64 ? 2 : 3;
    return (uint64_t)(layout.leading / 16) << 16 | (uint64_t)(layout.stride / 16) << 32 | mode << 62;
}

/* `address` is a shared_address(). Offsets within a matrix may be added to the descriptor, in 16 bytes. */
GPU_DEVICE uint64_t descriptor_at(uint64_t descriptor, uint32_t address)
{
    return descriptor | (address & 0x3ffff) >> 4;
}

#endif
