/* Cases of quantised keys and values: each problem in the three dtypes that they may have. */
#include "case.h"

#define EACH(label, ...)                                                                                               \
    {.head.name = label "-e4m3", .kv_dtype = VARLEN_FLOAT8_E4M3, __VA_ARGS__},                                         \
        {.head.name = label "-e5m2", .kv_dtype = VARLEN_FLOAT8_E5M2, __VA_ARGS__},                                     \
    {                                                                                                                  \
        .head.name = label "-int8", .kv_dtype = VARLEN_INT8, __VA_ARGS__                                               \
    }

#define SCALES(kind) .k_scales = SCALES_##kind, .v_scales = SCALES_##kind
#define PREFILL .lens_q = INTS(35, 9, 66, 20), .lens_k = INTS(35, 130, 30, 0)
#define DECODE .lens_q = INTS(1, 1, 1, 2), .lens_k = INTS(300, 1, 0, 77)
#define LONG .lens_q = INTS(1, 2, 9), .lens_k = INTS(2300, 1030, 700)
#define GROUP_8 .q_heads = 8, .kv_heads = 1
#define WIDE .lens_q = INTS(17, 3), .lens_k = INTS(20, 35), .q_heads = 2, .kv_heads = 1
#define WIDE_DECODE .lens_q = INTS(1, 2, 1), .lens_k = INTS(71, 1, 33), .q_heads = 2, .kv_heads = 1
#define WIDE_LONG .lens_q = INTS(1, 2), .lens_k = INTS(1100, 300), .q_heads = 2, .kv_heads = 1
#define LATENT .head_dim = 576, .value_dim = 512, .layout.v_in_k = true
#define CAUSAL .mask = VARLEN_MASK_CAUSAL
#define WINDOW(left, right) .mask = VARLEN_MASK_WINDOW, .window_left = (left), .window_right = (right)
#define SLOTS                                                                                                          \
    .leftpad_k = INTS(1, 0, 5, 0), .free_q = INTS(0, 3, 1, 0), .free_k = INTS(2, 0, 0, 7), .slack_q = 4, .slack_k = 3

/* clang-format off */
static const attention_case rows[] = {
    EACH("no-scales", PREFILL, CAUSAL),
    EACH("per-tensor", PREFILL, SCALES(PER_TENSOR)),
    EACH("per-head", PREFILL, CAUSAL, SCALES(PER_HEAD)),
    EACH("per-token", PREFILL, CAUSAL, SCALES(PER_TOKEN)),
    EACH("per-token-head-major", PREFILL, SCALES(HEAD_MAJOR)),
    EACH("shared-by-heads", PREFILL, CAUSAL, SCALES(SHARED_BY_HEADS)),
    EACH("keys-alone", PREFILL, CAUSAL, .k_scales = SCALES_PER_TOKEN),
    EACH("values-alone", PREFILL, CAUSAL, .v_scales = SCALES_PER_HEAD),
    EACH("group-8", PREFILL, CAUSAL, GROUP_8, SCALES(PER_TOKEN)),
    EACH("window", PREFILL, WINDOW(20, 9), SCALES(PER_TOKEN)),
    EACH("window-top-left", PREFILL, WINDOW(20, 0), .alignment = VARLEN_ALIGN_TOP_LEFT, SCALES(PER_HEAD)),
    EACH("softcap", PREFILL, .softcap = 1.5f, SCALES(PER_TOKEN)),
    EACH("alibi", PREFILL, CAUSAL, .slopes = SLOPES_PER_SEQUENCE, SCALES(PER_TOKEN)),
    EACH("sinks", PREFILL, CAUSAL, .sinks = SINKS_ORDINARY, SCALES(PER_TOKEN)),
    EACH("dropout", PREFILL, CAUSAL, .dropout_p = 0.3f, SCALES(PER_TOKEN)),
    EACH("slots", PREFILL, CAUSAL, SLOTS, SCALES(PER_TOKEN)),
    EACH("everything", PREFILL, WINDOW(30, 4), .softmax_scale = 0.17f, .softcap = 3, .slopes = SLOPES_PER_SEQUENCE,
         .sinks = SINKS_ORDINARY, .dropout_p = 0.2f, SLOTS, SCALES(PER_TOKEN)),
    EACH("dims-16", PREFILL, CAUSAL, .head_dim = 16, SCALES(PER_TOKEN)),
    EACH("dims-80-112", PREFILL, CAUSAL, .head_dim = 80, .value_dim = 112, SCALES(PER_TOKEN)),
    EACH("dims-192-128", PREFILL, CAUSAL, .q_heads = 2, .head_dim = 192, .value_dim = 128, SCALES(PER_TOKEN)),
    EACH("padded-strides", PREFILL, CAUSAL, .layout.kind = LAYOUT_PADDED, SCALES(PER_TOKEN)),
    EACH("head-major", PREFILL, CAUSAL, .layout.kind = LAYOUT_HEAD_MAJOR, SCALES(HEAD_MAJOR)),
    EACH("max-seqlen", PREFILL, CAUSAL, .max_seqlen = MAX_SEQLEN_EXACT, SCALES(PER_TOKEN)),
    EACH("no-sequences", .slack_q = 4, SCALES(PER_HEAD)),
    EACH("no-keys", .lens_q = INTS(3, 5), .lens_k = INTS(0, 0), .slack_k = 2, SCALES(PER_TOKEN)),

    EACH("decode-per-tensor", DECODE, SCALES(PER_TENSOR)),
    EACH("decode-per-head", DECODE, CAUSAL, SCALES(PER_HEAD)),
    EACH("decode-per-token", DECODE, CAUSAL, SCALES(PER_TOKEN)),
    EACH("decode-group-8", DECODE, GROUP_8, SCALES(HEAD_MAJOR)),
    EACH("decode-dims-48-80", DECODE, .head_dim = 48, .value_dim = 80, SCALES(PER_TOKEN)),
    EACH("decode-long-keys", LONG, CAUSAL, SCALES(PER_TOKEN)),
    EACH("decode-long-keys-everything", LONG, WINDOW(1200, 0), .softcap = 3, .slopes = SLOPES_PER_SEQUENCE,
         .sinks = SINKS_ORDINARY, .dropout_p = 0.3f, SCALES(PER_TOKEN)),

    EACH("ranges", PREFILL, .ranges = RANGES_ANYWHERE, SCALES(PER_TOKEN)),
    EACH("chunks-positions", PREFILL, CAUSAL, .attention_chunk = 16, .query_positions = INTS(3, 40, -20, 7),
         SCALES(PER_TOKEN)),
    EACH("tree", .lens_q = INTS(20, 64, 5), .lens_k = INTS(150, 100, 5), .tree = TREE_ANY, SCALES(PER_HEAD)),
    EACH("leftpad-q", PREFILL, CAUSAL, .leftpad_q = INTS(3, 17, 1, 5), SCALES(PER_TOKEN)),
    EACH("key-starts", PREFILL, CAUSAL, .key_starts = INTS(164, 0, 132, 50), SCALES(PER_TOKEN)),
    EACH("key-starts-shared-decode", DECODE, CAUSAL, .key_starts = INTS(0, 7, 300, 20), SCALES(HEAD_MAJOR)),
    EACH("decode-long-keys-ranges", LONG, .ranges = RANGES_LATE, SCALES(PER_TOKEN)),

    EACH("wide", WIDE, CAUSAL, .head_dim = 512, SCALES(PER_TOKEN)),
    EACH("wide-dims-272-528", WIDE, .head_dim = 272, .value_dim = 528, SCALES(PER_HEAD)),
    EACH("wide-dims-576-512-paged", WIDE, CAUSAL, .head_dim = 576, .value_dim = 512, .page_size = 16, SCALES(PER_PAGE)),
    EACH("wide-decode", WIDE_DECODE, .head_dim = 512, SCALES(PER_TOKEN)),
    EACH("wide-decode-dims-304-528", WIDE_DECODE, .head_dim = 304, .value_dim = 528, SCALES(PER_TOKEN)),
    EACH("wide-dims-272-512", WIDE, .head_dim = 272, .value_dim = 512, SCALES(HEAD_MAJOR)),
    EACH("wide-dims-64-512", WIDE, CAUSAL, .head_dim = 64, .value_dim = 512, SCALES(SHARED_BY_HEADS)),
    EACH("wide-dims-400-16", WIDE, CAUSAL, .head_dim = 400, .value_dim = 16, .v_scales = SCALES_PER_TOKEN),
    EACH("wide-no-scales", WIDE, .head_dim = 512),
    EACH("wide-everything", WIDE, WINDOW(30, 4), .head_dim = 320, .softcap = 3, .slopes = SLOPES_PER_SEQUENCE,
         .sinks = SINKS_ORDINARY, .dropout_p = 0.2f, .leftpad_k = INTS(1, 3), SCALES(PER_TOKEN)),
    EACH("wide-ranges", WIDE, .ranges = RANGES_ANYWHERE, .head_dim = 512, SCALES(PER_TOKEN)),
    EACH("wide-decode-tree", WIDE_DECODE, .tree = TREE_ANY, .head_dim = 512, SCALES(PER_HEAD)),
    EACH("wide-decode-long-keys", WIDE_LONG, CAUSAL, .head_dim = 512, SCALES(PER_TOKEN)),
    EACH("wide-decode-long-keys-paged", WIDE_LONG, CAUSAL, .head_dim = 512, .page_size = 48, SCALES(PER_PAGE)),
    EACH("wide-ends", WIDE, .head_dim = 512, .values = VALUES_ENDS, .softmax_scale = 0.01f, SCALES(PER_TOKEN)),
    EACH("wide-tiny-scales", WIDE, .head_dim = 512, .softmax_scale = 0x1p66f, .k_scales = SCALES_TINY,
         .v_scales = SCALES_TINY),
    EACH("wide-huge-scales", .head.dtypes = CASE_FLOAT32 | CASE_BFLOAT16, WIDE, .head_dim = 512,
         .softmax_scale = 0x1p-76f, SCALES(HUGE)),
    EACH("latent", WIDE, LATENT, CAUSAL, SCALES(PER_HEAD)),
    EACH("latent-decode", WIDE_DECODE, LATENT, SCALES(PER_TENSOR)),
    EACH("latent-decode-long-keys-paged", WIDE_LONG, LATENT, CAUSAL, .page_size = 64, SCALES(PER_TOKEN)),
    EACH("latent-decode-paged", WIDE_DECODE, LATENT, CAUSAL, .page_size = 16, SCALES(PER_PAGE)),

    EACH("paged-per-tensor", PREFILL, CAUSAL, .page_size = 16, SCALES(PER_TENSOR)),
    EACH("paged-per-head", PREFILL, CAUSAL, .page_size = 3, SCALES(PER_HEAD)),
    EACH("paged-per-token", PREFILL, CAUSAL, .page_size = 16, SCALES(PER_TOKEN)),
    EACH("paged-per-page", PREFILL, CAUSAL, .page_size = 16, SCALES(PER_PAGE)),
    EACH("paged-head-major", PREFILL, CAUSAL, .page_size = 16, .layout.kind = LAYOUT_HEAD_MAJOR, SCALES(HEAD_MAJOR)),
    EACH("paged-leftpad", PREFILL, CAUSAL, .page_size = 8, .leftpad_k = INTS(3, 20, 0, 0), SCALES(PER_TOKEN)),
    EACH("paged-shared-pages", .lens_q = INTS(9, 4, 1), .lens_k = INTS(50, 66, 49), CAUSAL, .page_size = 16,
         .shared_pages = 3, SCALES(PER_PAGE)),
    EACH("paged-no-table", .lens_q = INTS(3, 0, 40), .lens_k = INTS(0, 0, 0), .page_size = 16, .without_table = true,
         SCALES(PER_PAGE)),
    EACH("paged-decode-page-1", DECODE, .page_size = 1, SCALES(PER_PAGE)),
    EACH("paged-decode-per-token", DECODE, CAUSAL, .page_size = 16, SCALES(PER_TOKEN)),
    EACH("paged-decode-per-page-group-8", DECODE, GROUP_8, .page_size = 7, SCALES(PER_PAGE)),
    EACH("paged-decode-long-keys", LONG, CAUSAL, .page_size = 48, SCALES(SHARED_BY_HEADS)),

    EACH("ends", PREFILL, CAUSAL, .values = VALUES_ENDS, .softmax_scale = 0.01f, SCALES(PER_TOKEN)),
    EACH("ends-decode", DECODE, .values = VALUES_ENDS, .softmax_scale = 0.01f, SCALES(PER_HEAD)),
    EACH("ends-paged", DECODE, .values = VALUES_ENDS, .softmax_scale = 0.01f, .page_size = 16, SCALES(PER_PAGE)),
    EACH("tiny-scales", PREFILL, CAUSAL, .softmax_scale = 0x1p66f, .k_scales = SCALES_TINY,
         .v_scales = SCALES_TINY),
    EACH("tiny-scales-decode", DECODE, .softmax_scale = 0x1p66f, .k_scales = SCALES_TINY, .v_scales = SCALES_TINY),
    EACH("huge-scales", .head.dtypes = CASE_FLOAT32 | CASE_BFLOAT16, PREFILL, CAUSAL, .softmax_scale = 0x1p-76f,
         SCALES(HUGE)),
    EACH("huge-scales-decode", .head.dtypes = CASE_FLOAT32 | CASE_BFLOAT16, DECODE, .softmax_scale = 0x1p-76f,
         SCALES(HUGE)),
};
/* clang-format on */

const case_suite suite_quantized = {
    .name = "quantized",
    .passes = CASE_FORWARD,
    CASE_ROWS(rows),
    .cost = attention_cost,
    .run = attention_run,
};
