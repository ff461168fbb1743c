/* The tables of backends/gpu/tuning.h for AMD GPUs: 64 KB of shared memory, and registers as docs/hip.md counts them.
 */
#ifndef VARLEN_HIP_TUNING_H
#define VARLEN_HIP_TUNING_H

constexpr int FORWARD_ROWS = 256;

/* clang-format off */
/* CDNA keeps q in registers; the 256 of RDNA are for sums. Where there is one stage, registers are the other. Two waves
 * of CDNA share the 512 registers of a SIMD: with so many to a wave alone the compiler would put sums into accumulation
 * registers, from where softmax has to fetch them. */
constexpr forward_row FORWARD_TUNINGS[] = {
    /*       head  value          rows of     warps of                decode:                    q  values  out by
     *        dim    dim   warps   a warp  short tiles  keys  stages    warps  keys  blocks   kept   mixed  shared */
    {0x90a,    64,    64,     {8,      32,           8,   64,      2,       4,   64,      1,  true,   true,  false}},
    {0x90a,   128,   128,     {8,      32,           8,   64,      1,       4,   64,      1,  true,   true,  false}},
    {0x90a,   192,   128,     {4,      32,           4,   32,      1,       2,   32,      1,  true,   true,  false}},
    {0x90a,   256,   256,     {4,      32,           4,   32,      1,       2,   32,      1,  true,   true,  false}},
    {0x942,    64,    64,     {8,      32,           8,   64,      2,       4,   64,      1,  true,   true,  false}},
    {0x942,   128,   128,     {8,      32,           8,   64,      1,       4,   64,      1,  true,   true,  false}},
    {0x942,   192,   128,     {4,      32,           4,   32,      1,       2,   32,      1,  true,   true,  false}},
    {0x942,   256,   256,     {4,      32,           4,   32,      1,       2,   32,      1,  true,   true,  false}},
    {0x1100,   64,    64,     {4,      16,           4,   32,      2,       2,   32,      2, false,  false,  false}},
    {0x1100,  128,   128,     {8,      16,           4,   32,      1,       2,   32,      1, false,  false,  false}},
    {0x1100,  192,   128,     {4,      16,           4,   16,      1,       1,   16,      1, false,  false,  false}},
    {0x1100,  256,   256,     {4,      16,           4,   16,      1,       1,   16,      1, false,  false,  false}},
};

constexpr backward_row BACKWARD_TUNINGS[] = {
    /*       head  value          tile  chunk  score  of them   warps of                    results   general
     *        dim    dim   warps  keys   rows  warps   by row  dq by row  stages  blocks  by shared    blocks */
    {0x90a,    64,    64,     {4,   64,    32,     4,       2,         1,      2,      1,     false},       1},
    {0x90a,   128,   128,     {4,   64,    32,     4,       2,         1,      1,      1,     false},       1},
    {0x90a,   192,   128,     {4,   32,    32,     4,       2,         1,      1,      1,     false},       1},
    {0x90a,   256,   256,     {4,   32,    16,     2,       1,         1,      1,      1,     false},       1},
    {0x942,    64,    64,     {4,   64,    32,     4,       2,         1,      2,      1,     false},       1},
    {0x942,   128,   128,     {4,   64,    32,     4,       2,         1,      1,      1,     false},       1},
    {0x942,   192,   128,     {4,   32,    32,     4,       2,         1,      1,      1,     false},       1},
    {0x942,   256,   256,     {4,   32,    16,     2,       1,         1,      1,      1,     false},       1},
    {0x1100,   64,    64,     {4,   64,    32,     4,       2,         2,      2,      1,     false},       1},
    {0x1100,  128,   128,     {8,   64,    32,     8,       2,         2,      1,      1,     false},       1},
    {0x1100,  192,   128,     {4,   32,    32,     4,       2,         2,      1,      1,     false},       1},
    {0x1100,  256,   256,     {8,   32,    16,     2,       1,         1,      1,      1,     false},       1},
};
/* clang-format on */

/* clang-format off */
constexpr wide_forward_row WIDE_FORWARD_TUNINGS[] = {
    /*                rows of  keys of  columns   warps of scores   warps of out
     *         warps   a tile  a chunk  of slabs   by row   by key         by row  stages */
    {0x90a,  {4,          32,      64,       64,       2,        2,             2,       2}},
    {0x942,  {4,          32,      64,       64,       2,        2,             2,       2}},
    {0x1100, {4,          32,      64,       64,       2,        2,             2,       2}},
};

constexpr wide_backward_row WIDE_BACKWARD_TUNINGS[] = {
    /*                keys of  rows of  columns   warps of scores   dk and dv       dq
     *         warps   a tile  a chunk  of slabs   by row   by key      by key   by row  stages */
    {0x90a,  {4,          32,      32,       64,       2,        2,          2,        2,       2}},
    {0x942,  {4,          32,      32,       64,       2,        2,          2,        2,       2}},
    {0x1100, {4,          32,      32,       64,       2,        2,          2,        2,       2}},
};
/* clang-format on */

/* As on NVIDIA GPUs, where they were measured. */
constexpr plan_tuning PLAN_TUNING = {
    64,   /* decode_rows */
    512,  /* decode_keys */
    256,  /* split_shortest */
    1024, /* split_invariant */
    16,   /* split_parts_invariant */
    4,    /* items_per_block */
    1024, /* small_batch_keys */
    512,  /* small_batch_rows */
};

#endif
