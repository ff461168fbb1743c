/* Cases of strides: gaps, fused tensors, head-major tensors, expanded ones, offsets past 2^31 elements. Gaps in inputs
 * are NaN, gaps in outputs are canaries. */
#include "case.h"

#define LENGTHS .lens_q = INTS(33, 7, 50), .lens_k = INTS(33, 66, 40), .mask = VARLEN_MASK_CAUSAL
#define SAME_LENGTHS .lens_q = INTS(33, 0, 7, 50), .slack_q = 6, .slack_k = 6, .mask = VARLEN_MASK_CAUSAL
#define SHORT .lens_q = INTS(5, 4), .lens_k = INTS(3, 6), .mask = VARLEN_MASK_CAUSAL

#define EXPANDED(along, tensors) .layout = {LAYOUT_EXPANDED_##along, .expanded = tensors}

/* The smallest stride that reaches past 2^31 elements takes 4 GiB of addresses, of which little is touched. */
#define FAR(by, tensor)                                                                                                \
    .head.dtypes = CASE_HALVES, .head.passes = CASE_FORWARD, .layout.kind = LAYOUT_FAR_##by, .layout.far = tensor

/* clang-format off */
static const attention_case rows[] = {
    {.head.name = "padded", LENGTHS, .layout.kind = LAYOUT_PADDED},
    {.head.name = "padded-slots", LENGTHS, .layout.kind = LAYOUT_PADDED, .free_q = INTS(2, 0, 3),
     .free_k = INTS(1, 4, 0),
     .leftpad_k = INTS(0, 3, 1), .slack_q = 4, .slack_k = 3},
    {.head.name = "padded-dims-40-72", LENGTHS, .layout.kind = LAYOUT_PADDED, .head_dim = 40, .value_dim = 72},
    {.head.name = "padded-decode", .lens_q = INTS(1, 1), .lens_k = INTS(300, 41), .layout.kind = LAYOUT_PADDED},
    {.head.name = "head-major", LENGTHS, .layout.kind = LAYOUT_HEAD_MAJOR},
    {.head.name = "head-major-slack", LENGTHS, .layout.kind = LAYOUT_HEAD_MAJOR, .slack_q = 4, .slack_k = 3},
    {.head.name = "head-major-multi-query", LENGTHS, .layout.kind = LAYOUT_HEAD_MAJOR, .q_heads = 5, .kv_heads = 1},
    {.head.name = "fused", SAME_LENGTHS, .layout.kind = LAYOUT_FUSED},
    {.head.name = "fused-group-3-dim-72", SAME_LENGTHS, .layout.kind = LAYOUT_FUSED, .q_heads = 6, .kv_heads = 2,
     .head_dim = 72},
    {.head.name = "qkvpacked", SAME_LENGTHS, .layout.kind = LAYOUT_QKVPACKED, .q_heads = 3, .kv_heads = 3},
    {.head.name = "kvpacked", LENGTHS, .layout.kind = LAYOUT_KVPACKED},
    {.head.name = "expanded-kv-heads", LENGTHS, EXPANDED(HEADS, "kv"), .q_heads = 8, .kv_heads = 4},
    {.head.name = "expanded-kv-heads-slots", LENGTHS, EXPANDED(HEADS, "kv"), .head_dim = 16, .q_heads = 4, .kv_heads = 4,
     .free_k = INTS(1, 4, 0), .leftpad_k = INTS(0, 3, 1), .slack_q = 4, .slack_k = 3},
    {.head.name = "expanded-kv-heads-decode", .lens_q = INTS(1, 1), .lens_k = INTS(600, 41), EXPANDED(HEADS, "kv")},
    {.head.name = "expanded-q-heads", LENGTHS, EXPANDED(HEADS, "q"), .slack_q = 2},
    {.head.name = "expanded-q-tokens", LENGTHS, EXPANDED(TOKENS, "q"), .slack_q = 2},
    {.head.name = "expanded-kv-tokens", LENGTHS, EXPANDED(TOKENS, "kv"), .slack_k = 5},
    {.head.name = "expanded-v-tokens", LENGTHS, EXPANDED(TOKENS, "v")},
    {.head.name = "expanded-qkv-heads-short", SHORT, EXPANDED(HEADS, "qkv")},
    {.head.name = "expanded-kv-heads-paged", .head.passes = CASE_FORWARD, LENGTHS, EXPANDED(HEADS, "kv"),
     .page_size = 16},
    {.head.name = "expanded-kv-tokens-paged", .head.passes = CASE_FORWARD, LENGTHS, EXPANDED(TOKENS, "kv"),
     .page_size = 8},
    {.head.name = "expanded-kv-pages", .head.passes = CASE_FORWARD, LENGTHS, EXPANDED(PAGES, "kv"), .page_size = 8},
    {.head.name = "v-in-k", LENGTHS, .layout.v_in_k = true},
    {.head.name = "v-in-k-dims-192-128", LENGTHS, .layout.v_in_k = true, .head_dim = 192, .value_dim = 128},
    {.head.name = "v-in-k-padded", LENGTHS, .layout = {LAYOUT_PADDED, .v_in_k = true}, .head_dim = 72, .value_dim = 40},
    {.head.name = "v-in-k-head-major", LENGTHS, .layout = {LAYOUT_HEAD_MAJOR, .v_in_k = true}, .value_dim = 8},
    {.head.name = "v-in-k-decode", .lens_q = INTS(1, 2), .lens_k = INTS(300, 41), .layout.v_in_k = true, .value_dim = 48},
    {.head.name = "v-in-k-paged", .head.passes = CASE_FORWARD, LENGTHS, .layout.v_in_k = true, .head_dim = 96,
     .value_dim = 64, .page_size = 16},
    {.head.name = "v-in-k-paged-decode", .head.passes = CASE_FORWARD, .lens_q = INTS(1, 1), .lens_k = INTS(300, 41),
     .layout.v_in_k = true, .head_dim = 40, .value_dim = 24, .page_size = 7},
    {.head.name = "far-q-tokens", SHORT, FAR(TOKENS, "q")},
    {.head.name = "far-k-tokens", SHORT, FAR(TOKENS, "k")},
    {.head.name = "far-v-tokens", SHORT, FAR(TOKENS, "v")},
    {.head.name = "far-out-tokens", SHORT, FAR(TOKENS, "out")},
    {.head.name = "far-q-heads", SHORT, FAR(HEADS, "q")},
    {.head.name = "far-k-heads", SHORT, FAR(HEADS, "k")},
    {.head.name = "far-v-heads", SHORT, FAR(HEADS, "v")},
    {.head.name = "far-out-heads", SHORT, FAR(HEADS, "out")},
    {.head.name = "far-k-pages", SHORT, FAR(PAGES, "k"), .page_size = 2},
    {.head.name = "far-v-pages", SHORT, FAR(PAGES, "v"), .page_size = 2},
};
/* clang-format on */

const case_suite suite_layout = {
    .name = "layout",
    .passes = CASE_FORWARD | CASE_BACKWARD,
    CASE_ROWS(rows),
    .cost = attention_cost,
    .run = attention_run,
};
