/* Cases of tree masks over the last keys of sequences, which forward alone takes. */
#include "case.h"

#define DRAFTS .lens_q = INTS(20, 64, 5, 33), .lens_k = INTS(150, 100, 5, 300)
#define CAUSAL .mask = VARLEN_MASK_CAUSAL
#define TOP_LEFT .alignment = VARLEN_ALIGN_TOP_LEFT
#define WINDOW(left, right) .mask = VARLEN_MASK_WINDOW, .window_left = (left), .window_right = (right)

/* clang-format off */
static const attention_case rows[] = {
    {.head.name = "drafts", DRAFTS, .tree = TREE_DRAFTS},
    {.head.name = "any-bits", DRAFTS, .tree = TREE_ANY},
    {.head.name = "no-bits", DRAFTS, .tree = TREE_NOTHING},
    {.head.name = "all-bits", DRAFTS, .tree = TREE_ALL},
    {.head.name = "drafts-causal", DRAFTS, CAUSAL, .tree = TREE_DRAFTS},
    {.head.name = "any-bits-causal", DRAFTS, CAUSAL, .tree = TREE_ANY},
    {.head.name = "any-bits-top-left", DRAFTS, TOP_LEFT, .tree = TREE_ANY},
    {.head.name = "drafts-window", DRAFTS, WINDOW(40, 9), .tree = TREE_DRAFTS},
    {.head.name = "any-bits-window-top-left", DRAFTS, TOP_LEFT, WINDOW(40, 30), .tree = TREE_ANY},
    {.head.name = "drafts-chunk", DRAFTS, .attention_chunk = 40, .tree = TREE_DRAFTS},
    {.head.name = "drafts-ranges", DRAFTS, .ranges = RANGES_ANYWHERE, .tree = TREE_DRAFTS},
    {.head.name = "any-bits-band-chunk", DRAFTS, CAUSAL, .attention_chunk = 30, .ranges = RANGES_BAND,
     .tree = TREE_ANY},

    {.head.name = "queries-01", .lens_q = INTS(1, 1, 1), .lens_k = INTS(1, 130, 2), .tree = TREE_DRAFTS},
    {.head.name = "queries-02", .lens_q = INTS(2, 2, 2), .lens_k = INTS(2, 130, 3), .tree = TREE_ANY},
    {.head.name = "queries-07", .lens_q = INTS(7, 7, 7), .lens_k = INTS(7, 130, 8), .tree = TREE_DRAFTS},
    {.head.name = "queries-08", .lens_q = INTS(8, 8, 8), .lens_k = INTS(8, 130, 9), .tree = TREE_ANY},
    {.head.name = "queries-09", .lens_q = INTS(9, 9, 9), .lens_k = INTS(9, 130, 10), .tree = TREE_DRAFTS},
    {.head.name = "queries-16", .lens_q = INTS(16, 16, 16), .lens_k = INTS(16, 130, 17), .tree = TREE_ANY},
    {.head.name = "queries-31", .lens_q = INTS(31, 31, 31), .lens_k = INTS(31, 130, 32), .tree = TREE_DRAFTS},
    {.head.name = "queries-32", .lens_q = INTS(32, 32, 32), .lens_k = INTS(32, 130, 33), .tree = TREE_ANY},
    {.head.name = "queries-33", .lens_q = INTS(33, 33, 33), .lens_k = INTS(33, 130, 34), .tree = TREE_DRAFTS},
    {.head.name = "queries-48", .lens_q = INTS(48, 48, 48), .lens_k = INTS(48, 130, 49), .tree = TREE_ANY},
    {.head.name = "queries-63", .lens_q = INTS(63, 63, 63), .lens_k = INTS(63, 130, 64), .tree = TREE_DRAFTS},
    {.head.name = "queries-64", .lens_q = INTS(64, 64, 64), .lens_k = INTS(64, 130, 65), .tree = TREE_ANY},

    {.head.name = "fewer-keys", .lens_q = INTS(64, 40, 9, 5), .lens_k = INTS(10, 39, 1, 0), .tree = TREE_ANY},
    {.head.name = "fewer-keys-drafts", .lens_q = INTS(64, 40, 9, 5), .lens_k = INTS(10, 39, 1, 0),
     .tree = TREE_DRAFTS},
    {.head.name = "fewer-keys-no-bits", .lens_q = INTS(64, 40, 9, 5), .lens_k = INTS(10, 39, 1, 0),
     .tree = TREE_NOTHING, .sinks = SINKS_ORDINARY},
    {.head.name = "fewer-keys-causal", .lens_q = INTS(64, 40, 9, 5), .lens_k = INTS(10, 39, 1, 0), CAUSAL,
     .tree = TREE_ALL},
    {.head.name = "square", .lens_q = INTS(64, 20), .tree = TREE_DRAFTS},
    {.head.name = "empty-sequences", .lens_q = INTS(0, 9, 0, 3, 20, 0), .lens_k = INTS(4, 9, 0, 0, 30, 0),
     .tree = TREE_ANY},
    {.head.name = "slots", DRAFTS, .tree = TREE_ANY, .free_q = INTS(1, 2, 3, 4), .free_k = INTS(6, 5, 4, 3),
     .leftpad_k = INTS(1, 0, 2, 0), .slack_q = 9, .slack_k = 4},
    {.head.name = "heads-one-each", DRAFTS, .tree = TREE_DRAFTS, .q_heads = 3, .kv_heads = 3},
    {.head.name = "heads-group-8", DRAFTS, .tree = TREE_ANY, .q_heads = 8, .kv_heads = 1},
    {.head.name = "heads-group-100", .lens_q = INTS(3, 20), .lens_k = INTS(80, 99), .tree = TREE_ANY,
     .q_heads = 100, .kv_heads = 1},
    {.head.name = "dims-40-72", DRAFTS, .tree = TREE_DRAFTS, .head_dim = 40, .value_dim = 72},
    {.head.name = "softcap-alibi", DRAFTS, .tree = TREE_ANY, .softcap = 2, .slopes = SLOPES_PER_HEAD},
    {.head.name = "sinks", DRAFTS, .tree = TREE_NOTHING, .sinks = SINKS_ORDINARY},
    {.head.name = "dropout", DRAFTS, .tree = TREE_DRAFTS, .dropout_p = 0.3f},
    {.head.name = "decode-split-keys", .lens_q = INTS(1, 9, 2, 16), .lens_k = INTS(1300, 1100, 2600, 1500),
     .tree = TREE_ANY},
    {.head.name = "decode-bit-0", .lens_q = INTS(1, 1, 1), .lens_k = INTS(30, 1, 200), .tree = TREE_NOTHING,
     .q_heads = 4, .kv_heads = 1},
    {.head.name = "paged", DRAFTS, .tree = TREE_DRAFTS, .page_size = 16},
    {.head.name = "paged-page-1", DRAFTS, .tree = TREE_ANY, .page_size = 1},
    {.head.name = "paged-leftpad", DRAFTS, CAUSAL, .tree = TREE_DRAFTS, .page_size = 7,
     .leftpad_k = INTS(3, 20, 0, 16)},
    {.head.name = "paged-shared", .lens_q = INTS(9, 4, 1), .lens_k = INTS(50, 66, 49), .tree = TREE_ANY,
     .page_size = 16, .shared_pages = 2},
    {.head.name = "max-seqlen", DRAFTS, .tree = TREE_DRAFTS, .max_seqlen = MAX_SEQLEN_LOOSE},
};
/* clang-format on */

const case_suite suite_trees = {
    .name = "trees",
    .passes = CASE_FORWARD,
    CASE_ROWS(rows),
    .cost = attention_cost,
    .run = attention_run,
};
