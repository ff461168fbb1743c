/* Cases of paged keys and values. Tables lead through pages in no order; entries past the used length are numbers that
 * no page has. */
#include "case.h"

#define PREFILL .lens_q = INTS(33, 7, 0, 50), .lens_k = INTS(33, 66, 12, 40)
#define DECODE .lens_q = INTS(1, 1, 1, 1), .lens_k = INTS(300, 1, 0, 77)
#define CAUSAL .mask = VARLEN_MASK_CAUSAL

/* clang-format off */
static const attention_case rows[] = {
    {.head.name = "page-1", PREFILL, CAUSAL, .page_size = 1},
    {.head.name = "page-3", PREFILL, CAUSAL, .page_size = 3},
    {.head.name = "page-16", PREFILL, CAUSAL, .page_size = 16},
    {.head.name = "page-33-ends-with-the-sequence", PREFILL, .page_size = 33},
    {.head.name = "page-64", PREFILL, .page_size = 64},
    {.head.name = "page-256", PREFILL, CAUSAL, .page_size = 256},
    {.head.name = "decode-page-1", DECODE, .page_size = 1},
    {.head.name = "decode-page-16", DECODE, .page_size = 16},
    {.head.name = "decode-page-7-group-7", DECODE, .page_size = 7, .q_heads = 7, .kv_heads = 1},
    {.head.name = "decode-page-256", DECODE, CAUSAL, .page_size = 256},
    {.head.name = "decode-very-long-keys", .lens_q = INTS(1, 2), .lens_k = INTS(2300, 1030), CAUSAL, .page_size = 48,
     .leftpad_k = INTS(5, 0)},
    {.head.name = "shared-pages", .lens_q = INTS(9, 4, 1), .lens_k = INTS(50, 66, 49), CAUSAL, .page_size = 16,
     .shared_pages = 3},
    {.head.name = "leftpad", PREFILL, CAUSAL, .page_size = 16, .leftpad_k = INTS(3, 20, 0, 16)},
    {.head.name = "window", PREFILL, .mask = VARLEN_MASK_WINDOW, .window_left = 9, .window_right = 3, .page_size = 5},
    {.head.name = "queries-with-slots", PREFILL, CAUSAL, .page_size = 16, .free_q = INTS(1, 0, 3, 2), .slack_q = 5},
    {.head.name = "alibi-sinks-softcap", PREFILL, CAUSAL, .page_size = 6, .slopes = SLOPES_PER_SEQUENCE,
     .sinks = SINKS_ORDINARY, .softcap = 3},
    {.head.name = "dropout", PREFILL, .page_size = 10, .dropout_p = 0.3f},
    {.head.name = "dims-192-128", PREFILL, CAUSAL, .page_size = 16, .head_dim = 192, .value_dim = 128, .q_heads = 2,
     .kv_heads = 1},
    {.head.name = "max-seqlen", PREFILL, CAUSAL, .page_size = 16, .max_seqlen = MAX_SEQLEN_EXACT},
    {.head.name = "padded-strides", PREFILL, CAUSAL, .page_size = 16, .layout.kind = LAYOUT_PADDED},
    {.head.name = "head-major", PREFILL, CAUSAL, .page_size = 16, .layout.kind = LAYOUT_HEAD_MAJOR},
    {.head.name = "no-sequences", .slack_q = 4, .page_size = 16},
    {.head.name = "no-keys", .lens_q = INTS(3, 5), .lens_k = INTS(0, 0), .page_size = 16},
    {.head.name = "no-table", .lens_q = INTS(3, 0, 40), .lens_k = INTS(0, 0, 0), .page_size = 16, .without_table = true},
    {.head.name = "no-table-decode", .lens_q = INTS(1, 1), .lens_k = INTS(0, 0), .page_size = 1, .without_table = true,
     .sinks = SINKS_ORDINARY},
    {.head.name = "no-table-leftpad", .lens_q = INTS(2, 5), .lens_k = INTS(0, 0), .leftpad_k = INTS(0, 0), CAUSAL,
     .page_size = 16, .without_table = true, .max_seqlen = MAX_SEQLEN_LOOSE, .flags = VARLEN_FLAG_BATCH_INVARIANT},
    {.head.name = "no-table-no-sequences", .slack_q = 4, .page_size = 16, .without_table = true},
};
/* clang-format on */

const case_suite suite_paged = {
    .name = "paged",
    .passes = CASE_FORWARD,
    CASE_ROWS(rows),
    .cost = attention_cost,
    .run = attention_run,
};
