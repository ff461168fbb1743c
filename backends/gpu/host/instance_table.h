/* The kernels that are compiled, and which of them a problem takes. instances.cmake lists the same. */
#ifndef VARLEN_GPU_HOST_INSTANCE_TABLE_H
#define VARLEN_GPU_HOST_INSTANCE_TABLE_H

#include "platform/device.h"

#include <varlen/varlen.h>

/* ENTRY is what the host keeps of a kernel. */
template <typename ENTRY> struct instance_row {
    varlen_dtype dtype;
    int32_t head_dim; /* the largest that it takes */
    int32_t value_dim;
    bool general;
    ENTRY entry;
};

/* The first row that fits: smaller sizes come first. MAKE<T, HEAD_DIM, VALUE_DIM, GENERAL>::entry is one kernel's. */
template <typename ENTRY, template <typename, int, int, bool> class MAKE>
const ENTRY &find_instance(const varlen_attention &attention, bool general)
{
    constexpr varlen_dtype f16 = VARLEN_FLOAT16;
    constexpr varlen_dtype bf16 = VARLEN_BFLOAT16;
    static const instance_row<ENTRY> rows[] = {
        {f16, 64, 64, false, MAKE<float16, 64, 64, false>::entry},
        {f16, 64, 64, true, MAKE<float16, 64, 64, true>::entry},
        {f16, 128, 128, false, MAKE<float16, 128, 128, false>::entry},
        {f16, 128, 128, true, MAKE<float16, 128, 128, true>::entry},
        {f16, 192, 128, false, MAKE<float16, 192, 128, false>::entry},
        {f16, 192, 128, true, MAKE<float16, 192, 128, true>::entry},
        {f16, 256, 256, false, MAKE<float16, 256, 256, false>::entry},
        {f16, 256, 256, true, MAKE<float16, 256, 256, true>::entry},
        {bf16, 64, 64, false, MAKE<bfloat16, 64, 64, false>::entry},
        {bf16, 64, 64, true, MAKE<bfloat16, 64, 64, true>::entry},
        {bf16, 128, 128, false, MAKE<bfloat16, 128, 128, false>::entry},
        {bf16, 128, 128, true, MAKE<bfloat16, 128, 128, true>::entry},
        {bf16, 192, 128, false, MAKE<bfloat16, 192, 128, false>::entry},
        {bf16, 192, 128, true, MAKE<bfloat16, 192, 128, true>::entry},
        {bf16, 256, 256, false, MAKE<bfloat16, 256, 256, false>::entry},
        {bf16, 256, 256, true, MAKE<bfloat16, 256, 256, true>::entry},
    };
    const instance_row<ENTRY> *row = rows;
    while (row->dtype != attention.dtype || row->general != general || row->head_dim < attention.head_dim ||
           row->value_dim < attention.value_dim)
        row++;
    return row->entry;
}

#endif
