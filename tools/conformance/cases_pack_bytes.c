/* Cases of varlen_pack and varlen_unpack for elements of 1, 2, 4 and 8 bytes and any dim: token ids, positions, masks.
 * Each row is tried both ways. */
#include "pack_bytes.h"

#define RAGGED .lens = INTS(3, 0, 20, 1), .slack = 3
#define LEFTPAD RAGGED, .leftpad = INTS(5, 24, 1, 23)

/* clang-format off */
static const pack_bytes_case rows[] = {
    {.head.name = "single-bytes", RAGGED, .element_size = 1, .dim = 1},
    {.head.name = "bytes-dim-3", RAGGED, .element_size = 1, .dim = 3, .heads = 5},
    {.head.name = "bytes-dim-16", RAGGED, .element_size = 1, .dim = 16, .heads = 2},
    {.head.name = "bytes-odd-places", RAGGED, .element_size = 1, .dim = 16, .padded_shift = 1, .packed_shift = 3},
    {.head.name = "pairs-dim-1", RAGGED, .element_size = 2, .dim = 1, .heads = 3},
    {.head.name = "pairs-dim-3", RAGGED, .element_size = 2, .dim = 3, .heads = 4},
    {.head.name = "pairs-dim-4-odd-packed", RAGGED, .element_size = 2, .dim = 4, .packed_shift = 1},
    {.head.name = "single-ids", RAGGED, .element_size = 4, .dim = 1},
    {.head.name = "ids-longer", .lens = INTS(700, 1, 350, 0, 999), .max_seqlen = 1001, .element_size = 4, .dim = 1},
    {.head.name = "ids-dim-3", RAGGED, .element_size = 4, .dim = 3},
    {.head.name = "ids-dim-4-even", RAGGED, .element_size = 4, .dim = 4, .heads = 2},
    {.head.name = "ids-dim-4-odd-padded", RAGGED, .element_size = 4, .dim = 4, .padded_shift = 1},
    {.head.name = "ids-gaps", RAGGED, .element_size = 4, .dim = 3, .heads = 2, .head_gap = 1, .token_gap = 2,
     .row_gap = 5},
    {.head.name = "single-longs", RAGGED, .element_size = 8, .dim = 1},
    {.head.name = "longs-dim-3", RAGGED, .element_size = 8, .dim = 3},
    {.head.name = "longs-dim-4-gaps", RAGGED, .element_size = 8, .dim = 4, .heads = 3, .head_gap = 1, .token_gap = 1,
     .row_gap = 1},
    {.head.name = "longs-dim-8", RAGGED, .element_size = 8, .dim = 8, .heads = 2},
    {.head.name = "longs-batch-gap", RAGGED, .element_size = 8, .dim = 2, .row_gap = 1},
    {.head.name = "longs-no-sequences", .element_size = 8, .dim = 1, .max_seqlen = 4, .slack = 5},

    {.head.name = "leftpad-bytes-dim-1", LEFTPAD, .element_size = 1, .dim = 1},
    {.head.name = "leftpad-bytes-dim-2-gaps", LEFTPAD, .element_size = 1, .dim = 2, .token_gap = 1,
     .row_gap = 3},
    {.head.name = "leftpad-bytes-dim-3-heads-3", LEFTPAD, .element_size = 1, .dim = 3, .heads = 3},
    {.head.name = "leftpad-bytes-dim-5-gaps", LEFTPAD, .element_size = 1, .dim = 5, .token_gap = 3,
     .row_gap = 2},
    {.head.name = "leftpad-bytes-dim-7-heads-3", LEFTPAD, .element_size = 1, .dim = 7, .heads = 3},
    {.head.name = "leftpad-pairs-dim-1", LEFTPAD, .element_size = 2, .dim = 1},
    {.head.name = "leftpad-pairs-dim-2-heads-3-gaps", LEFTPAD, .element_size = 2, .dim = 2, .heads = 3,
     .head_gap = 1, .token_gap = 1, .row_gap = 3},
    {.head.name = "leftpad-pairs-dim-3", LEFTPAD, .element_size = 2, .dim = 3},
    {.head.name = "leftpad-pairs-dim-5-heads-3-gaps", LEFTPAD, .element_size = 2, .dim = 5, .heads = 3,
     .head_gap = 1, .token_gap = 3, .row_gap = 2},
    {.head.name = "leftpad-pairs-dim-7", LEFTPAD, .element_size = 2, .dim = 7},
    {.head.name = "leftpad-ids-dim-1", LEFTPAD, .element_size = 4, .dim = 1},
    {.head.name = "leftpad-ids-dim-2-heads-3-gaps", LEFTPAD, .element_size = 4, .dim = 2, .heads = 3, .head_gap = 1,
     .token_gap = 1, .row_gap = 3},
    {.head.name = "leftpad-ids-dim-3", LEFTPAD, .element_size = 4, .dim = 3},
    {.head.name = "leftpad-ids-dim-5-heads-3-gaps", LEFTPAD, .element_size = 4, .dim = 5, .heads = 3, .head_gap = 1,
     .token_gap = 3, .row_gap = 2},
    {.head.name = "leftpad-ids-dim-7", LEFTPAD, .element_size = 4, .dim = 7},
    {.head.name = "leftpad-longs-dim-1", LEFTPAD, .element_size = 8, .dim = 1},
    {.head.name = "leftpad-longs-dim-2-heads-3-gaps", LEFTPAD, .element_size = 8, .dim = 2, .heads = 3,
     .head_gap = 1, .token_gap = 1, .row_gap = 3},
    {.head.name = "leftpad-longs-dim-3", LEFTPAD, .element_size = 8, .dim = 3},
    {.head.name = "leftpad-longs-dim-5-heads-3-gaps", LEFTPAD, .element_size = 8, .dim = 5, .heads = 3,
     .head_gap = 1, .token_gap = 3, .row_gap = 2},
    {.head.name = "leftpad-longs-dim-7", LEFTPAD, .element_size = 8, .dim = 7},
    {.head.name = "leftpad-ids-longer", .lens = INTS(700, 1, 350, 0, 999), .leftpad = INTS(300, 1000, 0, 7, 2),
     .max_seqlen = 1003, .element_size = 4, .dim = 1},
    {.head.name = "leftpad-longs-heads-3-gaps", LEFTPAD, .element_size = 8, .dim = 1, .heads = 3, .head_gap = 1,
     .token_gap = 1, .row_gap = 1},
    {.head.name = "leftpad-bytes-odd-places", LEFTPAD, .element_size = 1, .dim = 16, .padded_shift = 1,
     .packed_shift = 3},
    {.head.name = "leftpad-ids-roomy", LEFTPAD, .max_seqlen = 41, .element_size = 4, .dim = 1},
};
/* clang-format on */

const case_suite suite_pack_bytes = {
    .name = "around/pack-bytes",
    .one_dtype = true,
    CASE_ROWS(rows),
    .run = pack_bytes_run,
};

const case_suite suite_unpack_bytes = {
    .name = "around/unpack-bytes",
    .one_dtype = true,
    CASE_ROWS(rows),
    .run = unpack_bytes_run,
};
