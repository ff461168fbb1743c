/* The tables of backends/gpu/tuning.h for NVIDIA GPUs, which have 64K registers to a processor. */
#ifndef VARLEN_CUDA_TUNING_H
#define VARLEN_CUDA_TUNING_H

constexpr int FORWARD_ROWS = 128;

/* clang-format off */
/* Values as wide as 256 leave little room where there are two blocks a processor. */
constexpr forward_row FORWARD_TUNINGS[] = {
    /*   head  value          rows of     warps of                decode:                    q  values  out by
     *    dim    dim   warps   a warp  short tiles  keys  stages    warps  keys  blocks   kept   mixed  shared */
    {80,   64,    64,     {4,      32,           4,   64,      2,       4,   64,      2, false,  false,   true}},
    {80,  128,   128,     {4,      32,           4,   48,      2,       4,   64,      2, false,  false,   true}},
    {80,  192,   128,     {4,      32,           4,   48,      2,       4,   64,      2, false,  false,   true}},
    {80,  256,   256,     {4,      16,           4,   32,      2,       2,   32,      2, false,  false,   true}},
    {86,   64,    64,     {4,      32,           4,   48,      2,       4,   64,      2, false,  false,   true}},
    {86,  128,   128,     {4,      32,           4,   48,      2,       4,   64,      1, false,  false,   true}},
    {86,  192,   128,     {4,      32,           4,   32,      2,       4,   64,      1, false,  false,   true}},
    {86,  256,   256,     {4,      16,           4,   16,      2,       2,   32,      1, false,  false,   true}},
    {90,   64,    64,     {4,      32,           4,   64,      2,       4,   64,      2, false,  false,   true}},
    {90,  128,   128,     {4,      32,           4,   48,      2,       4,   64,      2, false,  false,   true}},
    {90,  192,   128,     {4,      32,           4,   48,      2,       4,   64,      2, false,  false,   true}},
    {90,  256,   256,     {4,      16,           4,   32,      2,       2,   32,      2, false,  false,   true}},
};

/* Where less fits than 16 x 16 scores for each warp, few warps have all of them. */
constexpr backward_row BACKWARD_TUNINGS[] = {
    /*   head  value          tile  chunk  score  of them   warps of                    results   general
     *    dim    dim   warps  keys   rows  warps   by row  dq by row  stages  blocks  by shared    blocks */
    {80,   64,    64,     {4,   64,    64,     4,       2,         2,      2,      3,      true},       2},
    {80,  128,   128,     {8,  128,    64,     8,       2,         2,      2,      1,      true},       1},
    {80,  192,   128,     {8,   64,    64,     8,       4,         2,      2,      1,      true},       1},
    {80,  256,   256,     {8,   64,    32,     8,       2,         2,      2,      1,      true},       1},
    {86,   64,    64,     {4,   64,    64,     4,       2,         2,      2,      1,      true},       1},
    {86,  128,   128,     {8,   64,    32,     8,       2,         2,      2,      1,      true},       1},
    {86,  192,   128,     {8,   64,    32,     8,       2,         2,      2,      1,      true},       1},
    {86,  256,   256,     {8,   32,    16,     2,       1,         1,      2,      1,      true},       1},
    {90,   64,    64,     {4,   64,    64,     4,       2,         2,      2,      3,      true},       2},
    {90,  128,   128,     {8,  128,    64,     8,       2,         2,      2,      1,      true},       1},
    {90,  192,   128,     {8,   64,    64,     8,       4,         2,      2,      1,      true},       1},
    {90,  256,   256,     {8,   64,    64,     8,       4,         2,      2,      1,      true},       1},
};
/* clang-format on */

/* clang-format off */
constexpr wide_forward_row WIDE_FORWARD_TUNINGS[] = {
    /*            rows of  keys of  columns   warps of scores   warps of out
     *     warps   a tile  a chunk  of slabs   by row   by key         by row  stages */
    {80, {8,          64,      64,      128,       4,        2,             2,       3}},
    {86, {8,          32,      64,      128,       2,        4,             1,       3}},
    {90, {8,          64,      64,      128,       4,        2,             2,       3}},
};

constexpr wide_backward_row WIDE_BACKWARD_TUNINGS[] = {
    /*            keys of  rows of  columns   warps of scores   dk and dv       dq
     *     warps   a tile  a chunk  of slabs   by row   by key      by key   by row  stages */
    {80, {8,          32,      64,      128,       4,        2,          2,        2,       3}},
    {86, {8,          32,      64,      128,       4,        2,          2,        2,       3}},
    {90, {8,          32,      64,      128,       4,        2,          2,        2,       3}},
};
/* clang-format on */

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
