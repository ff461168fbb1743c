/* Cases of key_starts: keys that lie in any order, with rows between them that are nobody's, or that sequences share.
 */
#include "invariance.h"

#define LENGTHS .lens_q = INTS(35, 9, 66, 20), .lens_k = INTS(35, 70, 30, 0)
#define CAUSAL .mask = VARLEN_MASK_CAUSAL
#define WINDOW(left, right) .mask = VARLEN_MASK_WINDOW, .window_left = (left), .window_right = (right)
#define FORWARD .head.passes = CASE_FORWARD
#define BACKWARD .head.passes = CASE_BACKWARD
#define SCALES(kind) .k_scales = SCALES_##kind, .v_scales = SCALES_##kind
#define STARTS(...) .key_starts = INTS(__VA_ARGS__)
#define APART                                                                                                          \
    STARTS(104, 0, 72, 50) /* of LENGTHS: in no order, 2 and 2 rows between them; the empty one inside another */
#define SHARED FORWARD, STARTS(0, 0, 20, 5)

/* One prompt of 48 keys, and continuations of it. */
#define CONTINUED FORWARD, .lens_q = INTS(1, 1, 1, 1), .lens_k = INTS(48, 48, 48, 48), STARTS(7, 7, 7, 7)

/* clang-format off */
static const attention_case rows[] = {
    {.head.name = "in-order", LENGTHS, STARTS(0, 35, 105, 135)},
    {.head.name = "in-order-causal", LENGTHS, CAUSAL, STARTS(0, 35, 105, 135)},
    {.head.name = "reversed", LENGTHS, CAUSAL, STARTS(100, 30, 0, 0)},
    {.head.name = "apart", LENGTHS, APART},
    {.head.name = "apart-causal", LENGTHS, CAUSAL, APART},
    {.head.name = "apart-window", LENGTHS, WINDOW(9, 4), APART},
    {.head.name = "apart-with-slack", LENGTHS, CAUSAL, APART, .slack_q = 7, .slack_k = 300},
    {.head.name = "far-apart", LENGTHS, CAUSAL, STARTS(1500, 3, 700, 1535)},
    {.head.name = "at-the-end", .lens_q = INTS(20, 33), .lens_k = INTS(40, 25), CAUSAL, STARTS(60, 100)},
    {.head.name = "empty-at-the-end", .lens_q = INTS(20, 33), .lens_k = INTS(40, 0), CAUSAL, STARTS(0, 40)},
    {.head.name = "empty-everywhere", .lens_q = INTS(20, 3), .lens_k = INTS(0, 0), STARTS(0, 5)},
    {.head.name = "empty-queries", .lens_q = INTS(0, 12, 0), .lens_k = INTS(30, 0, 17), STARTS(20, 3, 2)},
    {.head.name = "without-keys-in-the-same-place", .lens_q = INTS(9, 8, 7), .lens_k = INTS(0, 50, 0), CAUSAL,
     STARTS(10, 0, 10)},
    {.head.name = "alone", .lens_q = INTS(70), .lens_k = INTS(90), CAUSAL, STARTS(17)},
    {.head.name = "alone-from-0", .lens_q = INTS(70), .lens_k = INTS(90), CAUSAL, STARTS(0), .slack_k = 3},
    {.head.name = "many-short", .lens_q = INTS(1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 7, 6, 5, 4, 3, 2, 1, 1, 2, 1, 3, 1, 1, 9),
     CAUSAL, STARTS(230, 220, 210, 200, 190, 180, 170, 160, 150, 140, 130, 120, 110, 100, 90, 80, 70, 60, 50, 40, 30, 20, 10, 0)},
    {.head.name = "leftpad", LENGTHS, CAUSAL, STARTS(120, 0, 80, 60), .leftpad_k = INTS(3, 5, 2, 7)},
    {.head.name = "leftpad-over-keys", LENGTHS, CAUSAL, STARTS(66, 0, 101, 60), .leftpad_k = INTS(4, 0, 4, 9)},
    {.head.name = "queries-with-slots", LENGTHS, CAUSAL, APART, .free_q = INTS(1, 0, 3, 2), .slack_q = 5},
    {.head.name = "max-seqlen", LENGTHS, CAUSAL, APART, .max_seqlen = MAX_SEQLEN_EXACT},
    {.head.name = "deterministic", LENGTHS, CAUSAL, APART, .flags = VARLEN_FLAG_DETERMINISTIC},
    {.head.name = "multi-query", LENGTHS, CAUSAL, APART, .q_heads = 6, .kv_heads = 1},
    {.head.name = "dims-192-128", LENGTHS, CAUSAL, APART, .head_dim = 192, .value_dim = 128},
    {.head.name = "dim-256", LENGTHS, CAUSAL, APART, .head_dim = 256, .q_heads = 2},
    {.head.name = "padded-strides", LENGTHS, CAUSAL, APART, .layout.kind = LAYOUT_PADDED},
    {.head.name = "head-major", LENGTHS, CAUSAL, APART, .layout.kind = LAYOUT_HEAD_MAJOR},
    {.head.name = "long-keys", .lens_q = INTS(40, 300, 12), .lens_k = INTS(700, 300, 400), CAUSAL, .q_heads = 6,
     .kv_heads = 1, STARTS(800, 420, 5)},
    {.head.name = "positions", LENGTHS, CAUSAL, APART, .query_positions = INTS(3, 40, 0, 7)},
    {.head.name = "ranges", LENGTHS, APART, .ranges = RANGES_ANYWHERE},
    {.head.name = "ranges-leftpad", LENGTHS, STARTS(120, 0, 80, 60), .leftpad_k = INTS(3, 5, 2, 7), .ranges = RANGES_BAND},
    {.head.name = "chunk-positions", LENGTHS, CAUSAL, APART, .attention_chunk = 16, .query_positions = INTS(3, 40, 0, 7)},
    {.head.name = "softcap-alibi-sinks", LENGTHS, CAUSAL, APART, .softcap = 3, .slopes = SLOPES_PER_SEQUENCE,
     .sinks = SINKS_ORDINARY},
    {.head.name = "dropout", LENGTHS, CAUSAL, APART, .dropout_p = 0.3f},
    {.head.name = "dropout-leftpad", LENGTHS, STARTS(120, 0, 80, 60), .leftpad_k = INTS(3, 5, 2, 7), .dropout_p = 0.3f},
    {.head.name = "dlse", BACKWARD, LENGTHS, CAUSAL, APART, .dlse = true},
    {.head.name = "everything", LENGTHS, WINDOW(30, 4), .softmax_scale = 0.17f, .softcap = 3,
     .slopes = SLOPES_PER_SEQUENCE, .sinks = SINKS_ORDINARY, .dropout_p = 0.2f, STARTS(120, 0, 80, 60),
     .leftpad_k = INTS(1, 0, 5, 0), .free_q = INTS(0, 3, 1, 0), .slack_q = 4, .slack_k = 3,
     .query_positions = INTS(-4, 44, 2, 9)},

    {.head.name = "shared", LENGTHS, SHARED},
    {.head.name = "shared-causal", LENGTHS, SHARED, CAUSAL},
    {.head.name = "shared-window", LENGTHS, SHARED, WINDOW(9, 4)},
    {.head.name = "shared-leftpad", LENGTHS, SHARED, CAUSAL, .leftpad_k = INTS(3, 0, 11, 2)},
    {.head.name = "shared-dropout", LENGTHS, SHARED, CAUSAL, .dropout_p = 0.3f},
    {.head.name = "shared-everything", LENGTHS, SHARED, WINDOW(30, 4), .softmax_scale = 0.17f, .softcap = 3,
     .slopes = SLOPES_PER_SEQUENCE, .sinks = SINKS_ORDINARY, .dropout_p = 0.2f, .slack_q = 4, .slack_k = 3,
     .query_positions = INTS(-4, 44, 2, 9)},
    {.head.name = "shared-ranges", LENGTHS, SHARED, .ranges = RANGES_ANYWHERE},
    {.head.name = "shared-ranges-late", FORWARD, .lens_q = INTS(1, 3, 1), .lens_k = INTS(2100, 3000, 1030), CAUSAL,
     .ranges = RANGES_LATE, STARTS(0, 0, 500)},
    {.head.name = "shared-tree", FORWARD, .lens_q = INTS(20, 33, 5), .lens_k = INTS(150, 150, 100), .tree = TREE_ANY,
     STARTS(0, 0, 7)},
    {.head.name = "shared-many", FORWARD, CAUSAL,
     .lens_q = INTS(1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 7, 6, 5, 4, 3, 2, 1, 1, 2, 1, 3, 1, 1, 9),
     .lens_k = INTS(60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60),
     STARTS(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23)},
    {.head.name = "shared-long-keys", FORWARD, .lens_q = INTS(1, 9, 2, 1, 1), .lens_k = INTS(2300, 2300, 2300, 1100, 2000),
     CAUSAL, .kv_heads = 1, STARTS(0, 0, 0, 0, 300)},
    {.head.name = "one-prompt-in-pieces", FORWARD, .lens_q = INTS(64, 64, 40), .lens_k = INTS(64, 128, 168), CAUSAL,
     STARTS(0, 0, 0), .query_positions = INTS(0, 64, 128)},
    {.head.name = "continuations", CONTINUED},
    {.head.name = "continuations-causal", CONTINUED, CAUSAL},
    {.head.name = "continuations-multi-query", CONTINUED, CAUSAL, .q_heads = 6, .kv_heads = 1},
};

static const attention_case copied_rows[] = {
    {.head.name = "apart", LENGTHS, CAUSAL, APART},
    {.head.name = "leftpad", LENGTHS, CAUSAL, STARTS(120, 0, 80, 60), .leftpad_k = INTS(3, 5, 2, 7)},
    {.head.name = "dropout", LENGTHS, CAUSAL, APART, .dropout_p = 0.3f},
    {.head.name = "positions-alibi-sinks", LENGTHS, CAUSAL, APART, .slopes = SLOPES_PER_SEQUENCE,
     .sinks = SINKS_ORDINARY, .query_positions = INTS(3, 40, 0, 7)},
    {.head.name = "shared", LENGTHS, SHARED, CAUSAL},
    {.head.name = "shared-dropout", LENGTHS, SHARED, CAUSAL, .dropout_p = 0.3f},
    {.head.name = "continuations", CONTINUED},
    {.head.name = "long-continuations", FORWARD, .lens_q = INTS(1, 4, 1, 1), .lens_k = INTS(2300, 2300, 2300, 1800), CAUSAL,
     STARTS(0, 0, 0, 500)},
    {.head.name = "one-prompt-in-pieces", FORWARD, .lens_q = INTS(64, 64, 40), .lens_k = INTS(64, 128, 168), CAUSAL,
     STARTS(0, 0, 0), .query_positions = INTS(0, 64, 128)},
    {.head.name = "quantized-apart", FORWARD, LENGTHS, CAUSAL, APART, .kv_dtype = VARLEN_FLOAT8_E4M3, SCALES(PER_TOKEN)},
    {.head.name = "quantized-leftpad", FORWARD, LENGTHS, CAUSAL, STARTS(120, 0, 80, 60), .leftpad_k = INTS(3, 5, 2, 7),
     .kv_dtype = VARLEN_INT8, SCALES(HEAD_MAJOR)},
    {.head.name = "quantized-shared", LENGTHS, SHARED, CAUSAL, .kv_dtype = VARLEN_FLOAT8_E5M2, SCALES(HEAD_MAJOR)},
    {.head.name = "quantized-long-continuations", FORWARD, .lens_q = INTS(1, 4, 1, 1), .lens_k = INTS(2300, 2300, 2300, 1800),
     CAUSAL, STARTS(0, 0, 0, 500), .kv_dtype = VARLEN_INT8, SCALES(PER_TOKEN)},
};
/* clang-format on */

const case_suite suite_key_starts = {
    .name = "key-starts",
    .passes = CASE_FORWARD | CASE_BACKWARD,
    CASE_ROWS(rows),
    .cost = attention_cost,
    .run = attention_run,
};

const case_suite suite_copies = {
    .name = "invariance/copies",
    .passes = CASE_FORWARD | CASE_BACKWARD,
    CASE_ROWS(copied_rows),
    .cost = attention_cost,
    .run = invariance_copies,
};
