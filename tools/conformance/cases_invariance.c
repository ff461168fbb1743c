/* Problems on which nothing but the problem may decide the bits of a result; invariance.c says what else is tried. */
#include "invariance.h"

#define CAUSAL .mask = VARLEN_MASK_CAUSAL

/* clang-format off */
static const attention_case rows[] = {
    {.head.name = "prefill", .lens_q = INTS(70, 1, 33, 0, 129), CAUSAL},
    {.head.name = "decode", .lens_q = INTS(1, 1, 1, 1), .lens_k = INTS(700, 40, 0, 333)},
    {.head.name = "decode-group-16", .lens_q = INTS(1, 2, 1), .lens_k = INTS(515, 40, 900), CAUSAL, .q_heads = 16,
     .kv_heads = 1},
    {.head.name = "decode-very-long-keys", .head.passes = CASE_FORWARD, .lens_q = INTS(1, 2, 8, 1),
     .lens_k = INTS(2300, 40, 1200, 3333), CAUSAL},
    {.head.name = "chunked-prefill", .lens_q = INTS(20, 9, 1), .lens_k = INTS(400, 77, 260), CAUSAL},
    {.head.name = "few-short", .lens_q = INTS(20, 9, 30), CAUSAL},
    {.head.name = "beside-a-long-one", .head.passes = CASE_FORWARD, .lens_q = INTS(80, 6, 1), .lens_k = INTS(80, 900, 1200),
     CAUSAL},
    {.head.name = "cross", .lens_q = INTS(40, 64, 90), .lens_k = INTS(130, 20, 7), .q_heads = 3, .kv_heads = 3},
    {.head.name = "window-softcap-alibi-sinks", .lens_q = INTS(35, 9, 66), .lens_k = INTS(35, 170, 30),
     .mask = VARLEN_MASK_WINDOW, .window_left = 30, .window_right = 4, .softcap = 3, .slopes = SLOPES_PER_SEQUENCE,
     .sinks = SINKS_ORDINARY},
    {.head.name = "dlse-sinks", .head.passes = CASE_BACKWARD, .lens_q = INTS(35, 9, 66), .lens_k = INTS(35, 170, 30), CAUSAL,
     .sinks = SINKS_ORDINARY, .dlse = true},
    {.head.name = "dropout", .lens_q = INTS(35, 9, 66), .lens_k = INTS(35, 170, 30), .dropout_p = 0.3f},
    {.head.name = "slots", .lens_q = INTS(35, 0, 66), .lens_k = INTS(35, 170, 30), CAUSAL, .free_q = INTS(4, 1, 0),
     .free_k = INTS(0, 30, 9), .leftpad_k = INTS(2, 40, 0), .slack_q = 20, .slack_k = 9},
    {.head.name = "queries-padded", .lens_q = INTS(35, 0, 66), .lens_k = INTS(35, 170, 30), CAUSAL,
     .leftpad_q = INTS(7, 30, 9), .free_q = INTS(4, 1, 0), .leftpad_k = INTS(2, 40, 0), .slack_q = 20},
    {.head.name = "queries-padded-decode", .lens_q = INTS(1, 1, 1), .lens_k = INTS(700, 40, 333),
     .leftpad_q = INTS(0, 4, 17)},
    {.head.name = "ranges", .lens_q = INTS(70, 1, 33, 0, 129, 20), .lens_k = INTS(70, 300, 33, 9, 140, 15),
     .ranges = RANGES_ANYWHERE},
    {.head.name = "ranges-band", .lens_q = INTS(300, 9, 66), .lens_k = INTS(300, 170, 30), .ranges = RANGES_BAND},
    {.head.name = "ranges-decode", .head.passes = CASE_FORWARD, .lens_q = INTS(1, 2, 8, 1),
     .lens_k = INTS(2300, 40, 1200, 333), .ranges = RANGES_LATE},
    {.head.name = "chunks", .lens_q = INTS(300, 9, 66), .lens_k = INTS(300, 170, 30), CAUSAL, .attention_chunk = 50},
    {.head.name = "tree", .head.passes = CASE_FORWARD, .lens_q = INTS(40, 5, 64), .lens_k = INTS(140, 1200, 30),
     .tree = TREE_ANY},
    {.head.name = "positions", .lens_q = INTS(35, 9, 66), .lens_k = INTS(35, 170, 30), CAUSAL, .slopes = SLOPES_PER_SEQUENCE,
     .query_positions = INTS(3, 90, -20)},
    {.head.name = "positions-decode", .lens_q = INTS(1, 4, 1), .lens_k = INTS(1300, 40, 333), CAUSAL,
     .query_positions = INTS(900, 36, 400)},
    {.head.name = "key-starts", .lens_q = INTS(35, 0, 66, 9), .lens_k = INTS(35, 170, 30, 0), CAUSAL,
     .key_starts = INTS(210, 9, 180, 0), .slack_k = 9},
    {.head.name = "shared-keys", .head.passes = CASE_FORWARD, .lens_q = INTS(35, 1, 2, 9), .lens_k = INTS(35, 1170, 1100, 300),
     CAUSAL, .key_starts = INTS(0, 0, 20, 300)},
    {.head.name = "paged", .head.passes = CASE_FORWARD, .lens_q = INTS(1, 20, 1), .lens_k = INTS(700, 50, 90), CAUSAL,
     .page_size = 16},
};
/* clang-format on */

const case_suite suite_alone = {
    .name = "invariance/alone",
    .passes = CASE_FORWARD | CASE_BACKWARD,
    CASE_ROWS(rows),
    .cost = attention_cost,
    .run = invariance_alone,
};

const case_suite suite_twice = {
    .name = "invariance/twice",
    .passes = CASE_FORWARD | CASE_BACKWARD,
    CASE_ROWS(rows),
    .cost = attention_cost,
    .run = invariance_twice,
};

const case_suite suite_threads = {
    .name = "invariance/threads",
    .passes = CASE_FORWARD | CASE_BACKWARD,
    CASE_ROWS(rows),
    .cost = attention_cost,
    .run = invariance_threads,
};

const case_suite suite_poison = {
    .name = "invariance/poison",
    .passes = CASE_FORWARD | CASE_BACKWARD,
    CASE_ROWS(rows),
    .cost = attention_cost,
    .run = invariance_poison,
};

const case_suite suite_max_seqlen = {
    .name = "invariance/max-seqlen",
    .passes = CASE_FORWARD | CASE_BACKWARD,
    CASE_ROWS(rows),
    .cost = attention_cost,
    .run = invariance_max_seqlen,
};
