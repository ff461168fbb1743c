/* Cases of padding at the left of queries: rows of q that come before their sequence, and belong to none. */
#include "case.h"

#define BATCH .lens_q = INTS(20, 7, 33), .leftpad_q = INTS(4, 0, 11)
#define CROSS .lens_q = INTS(35, 9, 66, 20), .lens_k = INTS(35, 70, 30, 0), .leftpad_q = INTS(3, 17, 1, 5)
#define DECODE .lens_q = INTS(1, 1, 1, 1), .lens_k = INTS(300, 1, 0, 77), .leftpad_q = INTS(0, 1, 2, 30)
#define SLOTS .free_q = INTS(0, 3, 1, 0), .free_k = INTS(2, 0, 0, 7), .slack_q = 4, .slack_k = 3
#define CAUSAL .mask = VARLEN_MASK_CAUSAL
#define WINDOW(left, right) .mask = VARLEN_MASK_WINDOW, .window_left = (left), .window_right = (right)
#define TOP_LEFT .alignment = VARLEN_ALIGN_TOP_LEFT
#define FORWARD .head.passes = CASE_FORWARD
#define BACKWARD .head.passes = CASE_BACKWARD

/* clang-format off */
static const attention_case rows[] = {
    {.head.name = "full", BATCH},
    {.head.name = "causal", BATCH, CAUSAL},
    {.head.name = "causal-top-left", CROSS, CAUSAL, TOP_LEFT},
    {.head.name = "cross", CROSS},
    {.head.name = "cross-causal", CROSS, CAUSAL},
    {.head.name = "window", CROSS, WINDOW(20, 9)},
    {.head.name = "window-top-left", CROSS, WINDOW(20, 9), TOP_LEFT},
    {.head.name = "given-but-zero", .lens_q = INTS(20, 7, 33), .leftpad_q = INTS(0, 0, 0), CAUSAL},
    {.head.name = "alone", .lens_q = INTS(33), .lens_k = INTS(40), .leftpad_q = INTS(12), CAUSAL},
    {.head.name = "alone-one-query", .lens_q = INTS(1), .lens_k = INTS(40), .leftpad_q = INTS(63), CAUSAL},
    {.head.name = "longer-than-a-tile", .lens_q = INTS(17, 64, 3), .leftpad_q = INTS(130, 64, 257), CAUSAL},
    {.head.name = "nothing-left", .lens_q = INTS(0, 12, 0), .lens_k = INTS(9, 12, 5), .leftpad_q = INTS(20, 3, 1)},
    {.head.name = "nothing-left-anywhere", .lens_q = INTS(0, 0), .lens_k = INTS(9, 5), .leftpad_q = INTS(20, 1)},
    {.head.name = "no-keys", .lens_q = INTS(20, 7), .lens_k = INTS(0, 0), .leftpad_q = INTS(2, 9)},
    {.head.name = "many-short", .lens_q = INTS(1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 7, 6, 5, 4, 3, 2, 1, 1, 2, 1, 3, 1, 1, 9),
     .leftpad_q = INTS(8, 7, 6, 5, 4, 3, 2, 1, 0, 9, 2, 3, 4, 5, 6, 7, 8, 8, 7, 8, 6, 8, 8, 0), CAUSAL},
    {.head.name = "long-gap", .lens_q = INTS(5, 4), .leftpad_q = INTS(1500, 700)},

    {.head.name = "and-leftpad-k", CROSS, CAUSAL, .leftpad_k = INTS(3, 0, 11, 2)},
    {.head.name = "same-padding-both-sides", .lens_q = INTS(20, 7, 33), .leftpad_q = INTS(13, 26, 0),
     .leftpad_k = INTS(13, 26, 0), CAUSAL},
    {.head.name = "and-seqused-q", BATCH, CAUSAL, .free_q = INTS(3, 5, 0)},
    {.head.name = "and-seqused-k", BATCH, CAUSAL, .free_k = INTS(3, 5, 0)},
    {.head.name = "and-seqused-all-padding", .lens_q = INTS(0, 8), .lens_k = INTS(6, 8), .leftpad_q = INTS(4, 2),
     .free_q = INTS(3, 0), CAUSAL},
    {.head.name = "and-slack", BATCH, .slack_q = 70, .slack_k = 21},
    {.head.name = "slots", CROSS, WINDOW(20, 9), .leftpad_k = INTS(1, 0, 5, 0), SLOTS},
    {.head.name = "max-seqlen-exact", CROSS, CAUSAL, .max_seqlen = MAX_SEQLEN_EXACT},
    {.head.name = "max-seqlen-loose", CROSS, CAUSAL, .leftpad_k = INTS(3, 0, 11, 2), .max_seqlen = MAX_SEQLEN_LOOSE},

    {.head.name = "and-ranges", CROSS, .ranges = RANGES_ANYWHERE},
    {.head.name = "and-ranges-slots", CROSS, CAUSAL, .ranges = RANGES_BAND, .leftpad_k = INTS(1, 0, 5, 0), SLOTS},
    {.head.name = "and-chunks", CROSS, CAUSAL, .attention_chunk = 16},
    {.head.name = "and-chunks-top-left", CROSS, TOP_LEFT, .attention_chunk = 7},
    {.head.name = "and-tree", FORWARD, .lens_q = INTS(20, 64, 5, 33), .lens_k = INTS(150, 100, 5, 300), .tree = TREE_ANY,
     .leftpad_q = INTS(3, 70, 1, 0)},
    {.head.name = "and-tree-slots", FORWARD, .lens_q = INTS(1, 9, 2), .lens_k = INTS(1300, 1100, 26), .tree = TREE_DRAFTS,
     .leftpad_q = INTS(2, 0, 9), .free_q = INTS(0, 3, 1), .leftpad_k = INTS(0, 5, 1)},
    {.head.name = "and-positions", CROSS, CAUSAL, .query_positions = INTS(3, 40, -20, 7)},
    {.head.name = "and-positions-alibi", CROSS, WINDOW(20, 9), .slopes = SLOPES_PER_SEQUENCE,
     .query_positions = INTS(-4, 66, 12, 0), SLOTS},
    {.head.name = "and-key-starts", CROSS, CAUSAL, .key_starts = INTS(104, 0, 72, 50), .leftpad_k = INTS(2, 0, 1, 0)},
    {.head.name = "and-all-of-these", CROSS, CAUSAL, .ranges = RANGES_BAND, .attention_chunk = 24,
     .query_positions = INTS(3, 40, -20, 7), .key_starts = INTS(104, 0, 72, 50), .free_q = INTS(0, 3, 1, 0)},

    {.head.name = "multi-query", CROSS, CAUSAL, .q_heads = 6, .kv_heads = 1},
    {.head.name = "group-7", BATCH, CAUSAL, .q_heads = 7, .kv_heads = 1, .head_dim = 40},
    {.head.name = "without-groups", CROSS, .q_heads = 3, .kv_heads = 3},
    {.head.name = "dims-192-128", BATCH, CAUSAL, .head_dim = 192, .value_dim = 128, .q_heads = 2, .kv_heads = 1},
    {.head.name = "padded-strides", CROSS, CAUSAL, .layout.kind = LAYOUT_PADDED, SLOTS},
    {.head.name = "head-major", CROSS, CAUSAL, .layout.kind = LAYOUT_HEAD_MAJOR},

    {.head.name = "softcap", CROSS, CAUSAL, .softcap = 1.5f},
    {.head.name = "alibi", CROSS, CAUSAL, .slopes = SLOPES_PER_SEQUENCE},
    {.head.name = "alibi-full-top-left", CROSS, TOP_LEFT, .slopes = SLOPES_PER_HEAD},
    {.head.name = "sinks", CROSS, CAUSAL, .sinks = SINKS_ORDINARY},
    {.head.name = "sinks-dominant", BATCH, .sinks = SINKS_DOMINANT},
    {.head.name = "sinks-rows-that-see-nothing", .lens_q = INTS(60, 4), .lens_k = INTS(7, 0), .leftpad_q = INTS(5, 9),
     CAUSAL, .sinks = SINKS_ORDINARY},
    {.head.name = "dropout", CROSS, .dropout_p = 0.4f},
    {.head.name = "dropout-causal-state-in-memory", CROSS, CAUSAL, .dropout_p = 0.3f, .dropout_in_memory = true},
    {.head.name = "dlse", BACKWARD, CROSS, CAUSAL, .dlse = true},
    {.head.name = "dlse-sinks-slots", BACKWARD, CROSS, .sinks = SINKS_ORDINARY, SLOTS, .dlse = true},
    {.head.name = "everything", CROSS, WINDOW(30, 4), .softmax_scale = 0.17f, .softcap = 3,
     .slopes = SLOPES_PER_SEQUENCE, .sinks = SINKS_ORDINARY, .dropout_p = 0.2f, .leftpad_k = INTS(1, 0, 5, 0), SLOTS},
    {.head.name = "without-lse", FORWARD, CROSS, CAUSAL, .without_lse = true},

    {.head.name = "decode", DECODE},
    {.head.name = "decode-group-7", DECODE, CAUSAL, .q_heads = 7, .kv_heads = 1},
    {.head.name = "decode-very-long-keys", FORWARD, .lens_q = INTS(1, 3, 0, 2), .lens_k = INTS(2100, 5000, 1500, 1025),
     .leftpad_q = INTS(3, 0, 2, 7), CAUSAL},
    {.head.name = "paged", FORWARD, CROSS, CAUSAL, .page_size = 16},
    {.head.name = "paged-leftpad-k", FORWARD, CROSS, CAUSAL, .page_size = 3, .leftpad_k = INTS(3, 20, 0, 16)},
    {.head.name = "paged-decode", FORWARD, DECODE, .page_size = 64, .free_q = INTS(1, 0, 0, 2)},
};
/* clang-format on */

const case_suite suite_leftpad_q = {
    .name = "leftpad-q",
    .passes = CASE_FORWARD | CASE_BACKWARD,
    CASE_ROWS(rows),
    .cost = attention_cost,
    .run = attention_run,
};
