/* The architectures that a platform's kernels are cut for. A platform lists them in platform/architectures.h, a row to
 * a line, since CMake reads the code to compile from there (architectures.cmake). A kernel is cut by the number of one,
 * which its code knows as ARCHITECTURE (platform/device.h); the host finds that of a device when it opens it.
 *
 *     GPU_ARCHITECTURES[]       in the order of their numbers
 *     generation_of(number)     code of one generation runs on later devices of the same */
#ifndef VARLEN_GPU_ARCHITECTURE_H
#define VARLEN_GPU_ARCHITECTURE_H

#include <stdint.h>
#include <type_traits>

struct gpu_architecture {
    int number;
    const char *code;    /* that is compiled for such devices, in the compiler's words */
    int tuned_as;        /* the architecture whose rows of platform/tuning.h it has */
    int warp_threads;    /* 32 or 64 */
    int shared_kb;       /* shared memory that a block may have */
    bool async_products; /* matrix units that read shared memory while the warps go on: wgmma */
    bool tensor_copies;  /* copies of whole tiles by a descriptor: TMA */
};

#include "platform/architectures.h"

constexpr int GPU_ARCHITECTURE_COUNT = sizeof GPU_ARCHITECTURES / sizeof GPU_ARCHITECTURES[0];

/* The row for devices, or for code, of a number: the last of the same generation that is not above it. NULL: none. */
constexpr const gpu_architecture *find_architecture(int number)
{
    const gpu_architecture *found = nullptr;
    for (const gpu_architecture &row : GPU_ARCHITECTURES)
        if (generation_of(row.number) == generation_of(number) && row.number <= number)
            found = &row;
    return found;
}

constexpr bool has_architecture(int number)
{
    const gpu_architecture *found = find_architecture(number);
    return found != nullptr;
}

constexpr int warp_threads(int architecture)
{
    return find_architecture(architecture)->warp_threads;
}

/* Of a block, in bytes. */
constexpr int shared_memory_limit(int architecture)
{
    return find_architecture(architecture)->shared_kb * 1024;
}

/* f(std::integral_constant<int, NUMBER>) for the row's own number: what kernels are cut by, as a constant. */
template <int INDEX = 0, typename F> auto with_architecture(const gpu_architecture &row, F f)
{
    if constexpr (INDEX + 1 < GPU_ARCHITECTURE_COUNT)
        if (row.number != GPU_ARCHITECTURES[INDEX].number)
            return with_architecture<INDEX + 1>(row, f);
    return f(std::integral_constant<int, GPU_ARCHITECTURES[INDEX].number>());
}

#endif
