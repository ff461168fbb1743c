/* Bulk and tensor copies: see backends/gpu/async_platform.h. */
#ifndef VARLEN_SIMT_TENSOR_COPY_H
#define VARLEN_SIMT_TENSOR_COPY_H

#include "bulk.h"
#include "platform/barriers.h"

struct tensor_map {
    simt_tensor tensor;
};

GPU_DEVICE void tensor_map_prefetch(const tensor_map &)
{
}

GPU_DEVICE void copy_bulk(void *to, const void *from, int bytes, arrival_barrier &barrier)
{
    simt_copy_bulk(to, from, bytes, &barrier);
}

GPU_DEVICE void store_bulk(void *to, const void *from, int bytes)
{
    simt_store_bulk(to, from, bytes, false);
}

GPU_DEVICE void add_bulk(float *to, const float *from, int bytes)
{
    simt_store_bulk(to, from, bytes, true);
}

template <int DIMENSIONS>
GPU_DEVICE void copy_tensor(void *to, const tensor_map &map, const int32_t (&at)[DIMENSIONS], arrival_barrier &barrier)
{
    simt_copy_tensor(to, map.tensor, at, DIMENSIONS, &barrier);
}

template <int DIMENSIONS>
GPU_DEVICE void store_tensor(const tensor_map &map, const int32_t (&at)[DIMENSIONS], const void *from)
{
    simt_store_tensor(map.tensor, at, DIMENSIONS, from);
}

GPU_DEVICE void stores_commit()
{
    simt_stores_commit();
}

template <int LATER> GPU_DEVICE void stores_wait_read()
{
    simt_stores_wait(LATER, false);
}

template <int LATER> GPU_DEVICE void stores_wait()
{
    simt_stores_wait(LATER, true);
}

#endif
