/* Cases of sequence lengths: empty ones, the edges of tiles, rows that belong to no sequence. */
#include "case.h"

/* clang-format off */
static const attention_case rows[] = {
    {.head.name = "one-token", .lens_q = INTS(1)},
    {.head.name = "one-query-many-keys", .lens_q = INTS(1, 1, 1), .lens_k = INTS(300, 1, 77)},
    {.head.name = "many-queries-one-key", .lens_q = INTS(40, 1, 70), .lens_k = INTS(1, 1, 1)},
    {.head.name = "ragged", .lens_q = INTS(3, 120, 17, 1, 64)},
    {.head.name = "many-short", .lens_q = INTS(1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1, 2, 1, 3, 1, 1, 9)},
    {.head.name = "tile-16", .lens_q = INTS(15, 16, 17)},
    {.head.name = "tile-32", .lens_q = INTS(31, 32, 33)},
    {.head.name = "tile-64", .lens_q = INTS(63, 64, 65)},
    {.head.name = "tile-128-queries", .lens_q = INTS(127, 128, 129), .lens_k = INTS(5, 33, 20)},
    {.head.name = "tile-128-keys", .lens_q = INTS(5, 33, 20), .lens_k = INTS(127, 128, 129)},
    {.head.name = "tile-256-keys", .lens_q = INTS(3, 2, 4), .lens_k = INTS(255, 256, 257)},
    {.head.name = "long-keys", .lens_q = INTS(4, 9), .lens_k = INTS(1030, 700), .mask = VARLEN_MASK_CAUSAL},
    {.head.name = "cross-longer-keys", .lens_q = INTS(20, 33, 7), .lens_k = INTS(64, 45, 90)},
    {.head.name = "cross-longer-queries", .lens_q = INTS(64, 45, 90), .lens_k = INTS(20, 33, 7)},

    {.head.name = "no-sequences", .slack_q = 5, .slack_k = 3},
    {.head.name = "no-sequences-no-rows"},
    {.head.name = "all-empty", .lens_q = INTS(0, 0, 0), .slack_q = 4},
    {.head.name = "empty-first", .lens_q = INTS(0, 30, 20)},
    {.head.name = "empty-middle", .lens_q = INTS(30, 0, 0, 20)},
    {.head.name = "empty-last", .lens_q = INTS(30, 20, 0)},
    {.head.name = "empty-queries-first", .lens_q = INTS(0, 30, 20), .lens_k = INTS(25, 30, 40)},
    {.head.name = "empty-queries-middle", .lens_q = INTS(30, 0, 20), .lens_k = INTS(25, 30, 40)},
    {.head.name = "empty-queries-last", .lens_q = INTS(30, 20, 0), .lens_k = INTS(25, 30, 40)},
    {.head.name = "empty-keys-first", .lens_q = INTS(25, 30, 40), .lens_k = INTS(0, 30, 20)},
    {.head.name = "empty-keys-middle", .lens_q = INTS(25, 30, 40), .lens_k = INTS(30, 0, 20)},
    {.head.name = "empty-keys-last", .lens_q = INTS(25, 30, 40), .lens_k = INTS(30, 20, 0)},
    {.head.name = "empty-keys-everywhere", .lens_q = INTS(10, 3), .lens_k = INTS(0, 0)},
    {.head.name = "empty-queries-everywhere", .lens_q = INTS(0, 0), .lens_k = INTS(10, 3)},

    {.head.name = "short-cu-seqlens", .lens_q = INTS(20, 33), .slack_q = 17, .slack_k = 21},
    {.head.name = "short-cu-seqlens-queries", .lens_q = INTS(20, 33), .slack_q = 70},
    {.head.name = "short-cu-seqlens-keys", .lens_q = INTS(20, 33), .slack_k = 70},
    {.head.name = "seqused-q", .lens_q = INTS(20, 0, 33), .free_q = INTS(3, 5, 0)},
    {.head.name = "seqused-k", .lens_q = INTS(20, 7, 33), .free_k = INTS(9, 40, 0)},
    {.head.name = "seqused-both-with-slack", .lens_q = INTS(20, 7, 33), .lens_k = INTS(40, 0, 50),
     .free_q = INTS(9, 4, 1), .free_k = INTS(1, 6, 12), .slack_q = 3, .slack_k = 2, .mask = VARLEN_MASK_CAUSAL},
    {.head.name = "leftpad", .lens_q = INTS(20, 7, 33), .lens_k = INTS(40, 30, 0), .leftpad_k = INTS(0, 5, 19)},
    {.head.name = "leftpad-causal", .lens_q = INTS(20, 7, 33), .lens_k = INTS(40, 30, 33), .leftpad_k = INTS(64, 5, 1),
     .mask = VARLEN_MASK_CAUSAL},
    {.head.name = "leftpad-and-seqused", .lens_q = INTS(20, 7, 33), .leftpad_k = INTS(3, 17, 40),
     .free_k = INTS(2, 0, 7), .mask = VARLEN_MASK_CAUSAL},
    {.head.name = "max-seqlen-exact", .lens_q = INTS(20, 70, 33), .lens_k = INTS(64, 45, 90),
     .max_seqlen = MAX_SEQLEN_EXACT, .mask = VARLEN_MASK_CAUSAL},
    {.head.name = "max-seqlen-loose", .lens_q = INTS(20, 70, 33), .lens_k = INTS(64, 45, 90),
     .max_seqlen = MAX_SEQLEN_LOOSE, .mask = VARLEN_MASK_CAUSAL},
};
/* clang-format on */

const case_suite suite_lengths = {
    .name = "lengths",
    .passes = CASE_FORWARD | CASE_BACKWARD,
    CASE_ROWS(rows),
    .cost = attention_cost,
    .run = attention_run,
};
