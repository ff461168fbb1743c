/* The tables of backends/gpu/tuning.h for the test platform: of what vendors do differently, some of each. The
 * narrowest and the widest kernels keep rows as on AMD's GPUs, those between work as on NVIDIA's. */
#ifndef VARLEN_SIMT_TUNING_H
#define VARLEN_SIMT_TUNING_H

constexpr int FORWARD_ROWS = 128;

/* clang-format off */
constexpr forward_row FORWARD_TUNINGS[] = {
    /*  head  value          rows of     warps of                decode:                    q  values  out by
     *   dim    dim   warps   a warp  short tiles  keys  stages    warps  keys  blocks   kept   mixed  shared */
    {1,   64,    64,     {4,      32,           4,   64,      1,       4,   64,      2,  true,   true,  false}},
    {1,  128,   128,     {4,      32,           4,   48,      2,       4,   64,      2, false,  false,   true}},
    {1,  192,   128,     {8,      16,           4,   64,      2,       4,   64,      1, false,  false,   true}},
    {1,  256,   256,     {8,      16,           4,   64,      1,       4,   64,      1,  true,   true,  false}},
};

/* The widest: more threads than a block has rows, more warps than there is room for scores. */
constexpr backward_row BACKWARD_TUNINGS[] = {
    /*  head  value          tile  chunk  score  of them   warps of                    results   general
     *   dim    dim   warps  keys   rows  warps   by row  dq by row  stages  blocks  by shared    blocks */
    {1,   64,    64,     {4,   64,    64,     4,       2,         2,      1,      2,     false},       2},
    {1,  128,   128,     {8,  128,    64,     8,       2,         2,      2,      1,      true},       1},
    {1,  192,   128,     {8,   64,    64,     8,       4,         2,      2,      1,      true},       1},
    {1,  256,   256,     {8,   64,    16,     4,       1,         1,      1,      1,     false},       1},
};
/* clang-format on */

/* clang-format off */
/* Fewer warps have scores than there are. */
constexpr wide_forward_row WIDE_FORWARD_TUNINGS[] = {
    /*           rows of  keys of  columns   warps of scores   warps of out
     *    warps   a tile  a chunk  of slabs   by row   by key         by row  stages */
    {1, {8,          64,      64,       64,       4,        1,             2,       3}},
};

constexpr wide_backward_row WIDE_BACKWARD_TUNINGS[] = {
    /*           keys of  rows of  columns   warps of scores   dk and dv       dq
     *    warps   a tile  a chunk  of slabs   by row   by key      by key   by row  stages */
    {1, {8,          64,      32,       64,       2,        2,          2,        1,       2}},
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
