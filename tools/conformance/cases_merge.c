/* Cases of varlen_merge. */
#include "merge.h"

#define SIZES .tokens = 13, .heads = 3, .value_dim = 64

/* clang-format off */
static const merge_case rows[] = {
    {.head.name = "one-part", .parts = 1, SIZES},
    {.head.name = "two-parts", .parts = 2, SIZES},
    {.head.name = "many-parts", .parts = 37, SIZES},
    {.head.name = "float32-parts", .parts = 3, SIZES, .float32_parts = true},
    {.head.name = "without-lse", .parts = 3, SIZES, .without_lse = true},
    {.head.name = "no-tokens", .parts = 2, .tokens = 0, .heads = 2, .value_dim = 8},
    {.head.name = "dim-8", .parts = 3, .tokens = 5, .heads = 2, .value_dim = 8},
    {.head.name = "dim-72", .parts = 3, .tokens = 5, .heads = 5, .value_dim = 72},
    {.head.name = "dim-256", .parts = 3, .tokens = 5, .heads = 2, .value_dim = 256},
    {.head.name = "dim-264", .parts = 3, .tokens = 5, .heads = 2, .value_dim = 264},
    {.head.name = "dim-512", .parts = 9, .tokens = 4, .heads = 2, .value_dim = 512},
    {.head.name = "dim-1032", .parts = 2, .tokens = 3, .heads = 2, .value_dim = 1032, .float32_parts = true},
    {.head.name = "dim-512-in-place", .parts = 3, .tokens = 4, .heads = 2, .value_dim = 512, .in_place = true},
    {.head.name = "dim-320-padded-strides", .parts = 3, .tokens = 4, .heads = 3, .value_dim = 320,
     .layout.kind = LAYOUT_PADDED},
    {.head.name = "parts-that-saw-nothing", .parts = 3, SIZES, .empty_every = 2},
    {.head.name = "nobody-saw-anything", .parts = 3, SIZES, .empty_every = 1},
    {.head.name = "parts-marked-by-plus-infinity", .parts = 3, SIZES, .empty_every = 2, .empty_is_plus = true},
    {.head.name = "all-marked-by-plus-infinity", .parts = 3, SIZES, .empty_every = 1, .empty_is_plus = true},
    {.head.name = "nan-lse", .parts = 3, SIZES, .empty_every = 4, .nan_lse = true},
    {.head.name = "extreme", .parts = 9, SIZES, .extreme = true},
    {.head.name = "extreme-float32-parts", .head.dtypes = CASE_FLOAT32 | CASE_BFLOAT16, .parts = 9, SIZES,
     .float32_parts = true, .extreme = true},
    {.head.name = "far-apart", .parts = 4, SIZES, .lse_spread = 3000},
    {.head.name = "padded-strides", .parts = 3, SIZES, .lse_gap = 5, .layout.kind = LAYOUT_PADDED},
    {.head.name = "head-major", .parts = 3, SIZES, .layout.kind = LAYOUT_HEAD_MAJOR},
    {.head.name = "in-place", .parts = 3, SIZES, .empty_every = 5, .in_place = true},
    {.head.name = "in-place-padded-strides", .parts = 2, SIZES, .in_place = true, .lse_gap = 5,
     .layout.kind = LAYOUT_PADDED},
};
/* clang-format on */

const case_suite suite_merge = {
    .name = "around/merge",
    CASE_ROWS(rows),
    .run = merge_run,
};
