/* Cases of varlen_pack and varlen_unpack: each row is tried both ways. */
#include "pack.h"

/* clang-format off */
static const pack_case rows[] = {
    {.head.name = "no-sequences", .slack = 5, .max_seqlen = 4, .heads = 2, .dim = 8},
    {.head.name = "one", .lens = INTS(7), .heads = 1, .dim = 8},
    {.head.name = "ragged", .lens = INTS(3, 0, 20, 1), .heads = 4, .dim = 64},
    {.head.name = "slack", .lens = INTS(0, 9, 4, 0), .slack = 6, .heads = 3, .dim = 72},
    {.head.name = "roomy-padding", .lens = INTS(5, 2), .max_seqlen = 33, .slack = 1, .heads = 2, .dim = 24},
    {.head.name = "all-empty", .lens = INTS(0, 0), .max_seqlen = 3, .slack = 2, .heads = 2, .dim = 8},
    {.head.name = "wide-rows", .lens = INTS(3, 4), .heads = 1, .dim = 4104},
    {.head.name = "leftpad", .lens = INTS(3, 0, 20, 1), .leftpad = INTS(17, 5, 0, 19), .heads = 4, .dim = 64},
    {.head.name = "leftpad-zero", .lens = INTS(3, 0, 20, 1), .leftpad = INTS(0, 0, 0, 0), .heads = 4, .dim = 64},
    {.head.name = "leftpad-slack", .lens = INTS(0, 9, 4, 0), .leftpad = INTS(7, 2, 1, 0), .slack = 6, .heads = 3,
     .dim = 72},
    {.head.name = "leftpad-both-sides", .lens = INTS(5, 2), .leftpad = INTS(4, 20), .max_seqlen = 33, .slack = 1,
     .heads = 2, .dim = 24},
    {.head.name = "leftpad-all-empty", .lens = INTS(0, 0), .leftpad = INTS(3, 1), .max_seqlen = 3, .slack = 2,
     .heads = 2, .dim = 8},
    {.head.name = "leftpad-strides", .lens = INTS(3, 0, 20, 1), .leftpad = INTS(4, 0, 2, 30), .slack = 3, .heads = 4,
     .dim = 40, .layout.kind = LAYOUT_PADDED},
    {.head.name = "leftpad-head-major", .lens = INTS(3, 0, 20, 1), .leftpad = INTS(4, 0, 2, 30), .slack = 3,
     .heads = 4, .dim = 40, .layout.kind = LAYOUT_HEAD_MAJOR},
    {.head.name = "padded-strides", .lens = INTS(3, 0, 20, 1), .slack = 3, .heads = 4, .dim = 40,
     .layout.kind = LAYOUT_PADDED},
    {.head.name = "head-major", .lens = INTS(3, 0, 20, 1), .slack = 3, .heads = 4, .dim = 40,
     .layout.kind = LAYOUT_HEAD_MAJOR},
};
/* clang-format on */

const case_suite suite_pack = {
    .name = "around/pack",
    CASE_ROWS(rows),
    .run = pack_run,
};

const case_suite suite_unpack = {
    .name = "around/unpack",
    CASE_ROWS(rows),
    .run = unpack_run,
};
