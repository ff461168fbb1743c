/* The one architecture of the test platform: see backends/gpu/architecture.h. */
#ifndef VARLEN_SIMT_ARCHITECTURES_H
#define VARLEN_SIMT_ARCHITECTURES_H

#include "machine.h"

constexpr gpu_architecture GPU_ARCHITECTURES[] = {
    {1, "simt", 1, simt_warp, 256, true, true},
};

constexpr int generation_of(int number)
{
    return number;
}

#endif
