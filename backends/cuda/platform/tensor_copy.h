/* cp.async.bulk, of bytes and of boxes of tensors: see backends/gpu/async_platform.h. For sm_90a. */
#ifndef VARLEN_CUDA_TENSOR_COPY_H
#define VARLEN_CUDA_TENSOR_COPY_H

#include "platform/barriers.h"

/* A CUtensorMap, without the driver's header. */
struct alignas(128) tensor_map {
    uint64_t words[16];
};

GPU_DEVICE void tensor_map_prefetch(const tensor_map &map)
{
    asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory");
}

GPU_DEVICE void copy_bulk(void *to, const void *from, int bytes, arrival_barrier &barrier)
{
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
                     shared_address(to)),
                 "l"(__cvta_generic_to_global(from)), "r"(bytes), "r"(shared_address(&barrier))
                 : "memory");
}

GPU_DEVICE void store_bulk(void *to, const void *from, int bytes)
{
    asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(__cvta_generic_to_global(to)),
                 "r"(shared_address(from)), "r"(bytes)
                 : "memory");
}

GPU_DEVICE void add_bulk(float *to, const float *from, int bytes)
{
    asm volatile("cp.reduce.async.bulk.global.shared::cta.bulk_group.add.f32 [%0], [%1], %2;" ::"l"(
                     __cvta_generic_to_global(to)),
                 "r"(shared_address(from)), "r"(bytes)
                 : "memory");
}

template <int DIMENSIONS>
GPU_DEVICE void copy_tensor(void *to, const tensor_map &map, const int32_t (&at)[DIMENSIONS], arrival_barrier &barrier)
{
    static_assert(DIMENSIONS >= 2 && DIMENSIONS <= 5, "tensors of 2 to 5 dimensions");
    const uint32_t place = shared_address(to);
    const uint32_t arrival = shared_address(&barrier);
    if constexpr (DIMENSIONS == 2)
        asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, "
                     "%3}], [%4];" ::"r"(place),
                     "l"(&map), "r"(at[0]), "r"(at[1]), "r"(arrival)
                     : "memory");
    else if constexpr (DIMENSIONS == 3)
        asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, "
                     "%3, %4}], [%5];" ::"r"(place),
                     "l"(&map), "r"(at[0]), "r"(at[1]), "r"(at[2]), "r"(arrival)
                     : "memory");
    else if constexpr (DIMENSIONS == 4)
        asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, "
                     "%3, %4, %5}], [%6];" ::"r"(place),
                     "l"(&map), "r"(at[0]), "r"(at[1]), "r"(at[2]), "r"(at[3]), "r"(arrival)
                     : "memory");
    else
        asm volatile("cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, "
                     "%3, %4, %5, %6}], [%7];" ::"r"(place),
                     "l"(&map), "r"(at[0]), "r"(at[1]), "r"(at[2]), "r"(at[3]), "r"(at[4]), "r"(arrival)
                     : "memory");
}

template <int DIMENSIONS>
GPU_DEVICE void store_tensor(const tensor_map &map, const int32_t (&at)[DIMENSIONS], const void *from)
{
    static_assert(DIMENSIONS >= 2 && DIMENSIONS <= 5, "tensors of 2 to 5 dimensions");
    const uint32_t place = shared_address(from);
    if constexpr (DIMENSIONS == 2)
        asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%0, {%1, %2}], [%3];" ::"l"(&map),
                     "r"(at[0]), "r"(at[1]), "r"(place)
                     : "memory");
    else if constexpr (DIMENSIONS == 3)
        asm volatile("cp.async.bulk.tensor.3d.global.shared::cta.tile.bulk_group [%0, {%1, %2, %3}], [%4];" ::"l"(&map),
                     "r"(at[0]), "r"(at[1]), "r"(at[2]), "r"(place)
                     : "memory");
    else if constexpr (DIMENSIONS == 4)
        asm volatile(
            "cp.async.bulk.tensor.4d.global.shared::cta.tile.bulk_group [%0, {%1, %2, %3, %4}], [%5];" ::"l"(&map),
            "r"(at[0]), "r"(at[1]), "r"(at[2]), "r"(at[3]), "r"(place)
            : "memory");
    else
        asm volatile(
            "cp.async.bulk.tensor.5d.global.shared::cta.tile.bulk_group [%0, {%1, %2, %3, %4, %5}], [%6];" ::"l"(&map),
            "r"(at[0]), "r"(at[1]), "r"(at[2]), "r"(at[3]), "r"(at[4]), "r"(place)
            : "memory");
}

GPU_DEVICE void stores_commit()
{
    asm volatile("cp.async.bulk.commit_group;" ::: "memory");
}

template <int LATER> GPU_DEVICE void stores_wait_read()
{
    asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(LATER) : "memory");
}

template <int LATER> GPU_DEVICE void stores_wait()
{
    asm volatile("cp.async.bulk.wait_group %0;" ::"n"(LATER) : "memory");
}

#endif
