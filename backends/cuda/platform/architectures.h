/* NVIDIA's architectures, by compute capability: see backends/gpu/architecture.h. A row holds for the later devices of
 * its generation too, up to the next: 86 for 8.9. Where code is PTX (compute_80), its kernels are cut for the
 * capability in its name, and the driver compiles them when the plugin is first used. */
#ifndef VARLEN_CUDA_ARCHITECTURES_H
#define VARLEN_CUDA_ARCHITECTURES_H

/* clang-format off */
constexpr gpu_architecture GPU_ARCHITECTURES[] = {
    /*                   tuned  threads    KB of    async     tensor
     *                   as     of a warp  a block  products  copies */
    {80, "sm_80",        80,    32,        163,     false,    false},
    {86, "sm_86",        86,    32,         99,     false,    false},
    {90, "sm_90a",       90,    32,        227,     true,     true},
    {100, "compute_80",  90,    32,        227,     false,    true},
    {120, "compute_120", 86,    32,         99,     false,    true},
};
/* clang-format on */

constexpr int generation_of(int number)
{
    return number / 10;
}

#endif
