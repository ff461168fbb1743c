/* AMD's architectures, by the digits of their names: see backends/gpu/architecture.h. gfx90a and gfx942 are CDNA,
 * gfx1100 is RDNA3. */
#ifndef VARLEN_HIP_ARCHITECTURES_H
#define VARLEN_HIP_ARCHITECTURES_H

/* clang-format off */
constexpr gpu_architecture GPU_ARCHITECTURES[] = {
    /*                 tuned   threads    KB of    async     tensor
     *                 as      of a warp  a block  products  copies */
    {0x90a, "gfx90a",   0x90a,  64,        64,      false,    false},
    {0x942, "gfx942",   0x942,  64,        64,      false,    false},
    {0x1100, "gfx1100", 0x1100, 32,        64,      false,    false},
};
/* clang-format on */

constexpr int generation_of(int number)
{
    return number >> 8;
}

#endif
