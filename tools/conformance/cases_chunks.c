/* Cases of attention_chunk: of one key, of an odd number, of a tile, and of more keys than there are. */
#include "case.h"

/* Square, more keys, more queries, none, and lengths that no tile divides. */
#define LENGTHS .lens_q = INTS(40, 20, 75, 1, 9, 66), .lens_k = INTS(40, 70, 30, 50, 0, 65)
#define PAGES .lens_q = INTS(33, 7, 0, 50), .lens_k = INTS(33, 66, 12, 40)
#define CAUSAL .mask = VARLEN_MASK_CAUSAL
#define TOP_LEFT .alignment = VARLEN_ALIGN_TOP_LEFT
#define WINDOW(left, right) .mask = VARLEN_MASK_WINDOW, .window_left = (left), .window_right = (right)
#define OPEN VARLEN_UNBOUNDED

/* clang-format off */
static const attention_case rows[] = {
    {.head.name = "chunk-1-full", LENGTHS, .attention_chunk = 1},
    {.head.name = "chunk-1-full-top-left", LENGTHS, .attention_chunk = 1, TOP_LEFT},
    {.head.name = "chunk-1-causal", LENGTHS, CAUSAL, .attention_chunk = 1},
    {.head.name = "chunk-1-causal-top-left", LENGTHS, CAUSAL, .attention_chunk = 1, TOP_LEFT},
    {.head.name = "chunk-1-window", LENGTHS, WINDOW(9, 4), .attention_chunk = 1},
    {.head.name = "chunk-7-full", LENGTHS, .attention_chunk = 7},
    {.head.name = "chunk-7-full-top-left", LENGTHS, .attention_chunk = 7, TOP_LEFT},
    {.head.name = "chunk-7-causal", LENGTHS, CAUSAL, .attention_chunk = 7},
    {.head.name = "chunk-7-causal-top-left", LENGTHS, CAUSAL, .attention_chunk = 7, TOP_LEFT},
    {.head.name = "chunk-7-window", LENGTHS, WINDOW(9, 4), .attention_chunk = 7},
    {.head.name = "chunk-64-full", LENGTHS, .attention_chunk = 64},
    {.head.name = "chunk-64-full-top-left", LENGTHS, .attention_chunk = 64, TOP_LEFT},
    {.head.name = "chunk-64-causal", LENGTHS, CAUSAL, .attention_chunk = 64},
    {.head.name = "chunk-64-causal-top-left", LENGTHS, CAUSAL, .attention_chunk = 64, TOP_LEFT},
    {.head.name = "chunk-64-window", LENGTHS, WINDOW(9, 4), .attention_chunk = 64},
    {.head.name = "chunk-1000-full", LENGTHS, .attention_chunk = 1000},
    {.head.name = "chunk-1000-full-top-left", LENGTHS, .attention_chunk = 1000, TOP_LEFT},
    {.head.name = "chunk-1000-causal", LENGTHS, CAUSAL, .attention_chunk = 1000},
    {.head.name = "chunk-1000-causal-top-left", LENGTHS, CAUSAL, .attention_chunk = 1000, TOP_LEFT},
    {.head.name = "chunk-1000-window", LENGTHS, WINDOW(9, 4), .attention_chunk = 1000},

    {.head.name = "largest", LENGTHS, .attention_chunk = 2147483647},
    {.head.name = "largest-causal", LENGTHS, CAUSAL, .attention_chunk = 2147483647},
    {.head.name = "window-open-left", LENGTHS, WINDOW(OPEN, 3), .attention_chunk = 10},
    {.head.name = "window-open-right-top-left", LENGTHS, TOP_LEFT, WINDOW(3, OPEN), .attention_chunk = 10},
    {.head.name = "more-queries", .lens_q = INTS(80, 60), .lens_k = INTS(10, 5), .attention_chunk = 4},
    {.head.name = "more-queries-window", .lens_q = INTS(80, 60), .lens_k = INTS(10, 5), WINDOW(3, 6),
     .attention_chunk = 4},
    {.head.name = "more-queries-top-left", .lens_q = INTS(80, 60), .lens_k = INTS(10, 5), TOP_LEFT,
     .attention_chunk = 4},
    {.head.name = "slots", LENGTHS, CAUSAL, .attention_chunk = 16, .free_q = INTS(1, 2, 3, 4, 5, 6),
     .free_k = INTS(6, 5, 4, 3, 2, 1), .leftpad_k = INTS(1, 0, 2, 0, 3, 0), .slack_q = 9, .slack_k = 4},
    {.head.name = "group-4-long", .lens_q = INTS(300, 70), .lens_k = INTS(300, 500), CAUSAL, .attention_chunk = 100,
     .q_heads = 4, .kv_heads = 1},
    {.head.name = "long-tile", .lens_q = INTS(400), CAUSAL, .attention_chunk = 128},
    {.head.name = "softcap-alibi", LENGTHS, CAUSAL, .attention_chunk = 16, .softcap = 2, .slopes = SLOPES_PER_HEAD},
    {.head.name = "sinks-more-queries", .lens_q = INTS(60, 4), .lens_k = INTS(7, 0), .attention_chunk = 5,
     .sinks = SINKS_ORDINARY},
    {.head.name = "dropout", LENGTHS, CAUSAL, .attention_chunk = 20, .dropout_p = 0.3f},
    {.head.name = "dlse", .head.passes = CASE_BACKWARD, LENGTHS, CAUSAL, .attention_chunk = 20, .dlse = true},
    {.head.name = "ranges-anywhere", LENGTHS, .attention_chunk = 20, .ranges = RANGES_ANYWHERE},
    {.head.name = "ranges-images", LENGTHS, CAUSAL, .attention_chunk = 20, .ranges = RANGES_IMAGES},
    {.head.name = "ranges-band-top-left", LENGTHS, TOP_LEFT, .attention_chunk = 20, .ranges = RANGES_BAND},
    {.head.name = "empty-sequences", .lens_q = INTS(0, 9, 0, 3, 20, 0), .lens_k = INTS(4, 9, 0, 0, 30, 0), CAUSAL,
     .attention_chunk = 6},
    {.head.name = "decode", .head.passes = CASE_FORWARD, .lens_q = INTS(1, 1, 2, 1), .lens_k = INTS(300, 1, 64, 77),
     CAUSAL, .attention_chunk = 64},
    {.head.name = "decode-split-keys", .head.passes = CASE_FORWARD, .lens_q = INTS(1, 9, 2),
     .lens_k = INTS(1300, 1100, 2600), CAUSAL, .attention_chunk = 1000},
    {.head.name = "paged", .head.passes = CASE_FORWARD, PAGES, CAUSAL, .attention_chunk = 12, .page_size = 5},
    {.head.name = "paged-leftpad", .head.passes = CASE_FORWARD, PAGES, CAUSAL, .attention_chunk = 12,
     .page_size = 16, .leftpad_k = INTS(3, 20, 0, 16)},
};
/* clang-format on */

const case_suite suite_chunks = {
    .name = "chunks",
    .passes = CASE_FORWARD | CASE_BACKWARD,
    CASE_ROWS(rows),
    .cost = attention_cost,
    .run = attention_run,
};
