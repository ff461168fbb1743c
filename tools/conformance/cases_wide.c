/* Cases of head_dim and value_dim above 256, each its own, which not every backend takes; and of latent attention,
 * whose keys hold their values. */
#include "case.h"

#define LENGTHS .lens_q = INTS(17, 3), .lens_k = INTS(20, 35), .mask = VARLEN_MASK_CAUSAL
#define HEADS(q, kv) .q_heads = (q), .kv_heads = (kv)
#define DIMS(head, value) .head_dim = (head), .value_dim = (value), HEADS(2, 1)
#define DIM_512 DIMS(512, 0)
#define PAGED(size) .head.passes = CASE_FORWARD, .page_size = (size)

/* clang-format off */
static const attention_case wide[] = {
    {.head.name = "dim-264", LENGTHS, DIMS(264, 0)},
    {.head.name = "dim-272", LENGTHS, DIMS(272, 0)},
    {.head.name = "dim-320", LENGTHS, DIMS(320, 0)},
    {.head.name = "dim-328", LENGTHS, DIMS(328, 0)},
    {.head.name = "dim-384", LENGTHS, DIMS(384, 0)},
    {.head.name = "dim-448", LENGTHS, DIMS(448, 0)},
    {.head.name = "dim-504", LENGTHS, DIMS(504, 0)},
    {.head.name = "dim-512", LENGTHS, DIMS(512, 0)},
    {.head.name = "dim-520", LENGTHS, DIMS(520, 0)},
    {.head.name = "dim-576", LENGTHS, DIMS(576, 0)},
    {.head.name = "dim-640", LENGTHS, DIMS(640, 0)},
    {.head.name = "dim-768", LENGTHS, DIMS(768, 0)},
    {.head.name = "dim-1000", LENGTHS, DIMS(1000, 0)},
    {.head.name = "dim-1024", LENGTHS, DIMS(1024, 0)},
    {.head.name = "dim-4104", .lens_q = INTS(3, 1), .lens_k = INTS(3, 9), DIMS(4104, 0)},
    {.head.name = "dims-576-512", LENGTHS, DIMS(576, 512)},
    {.head.name = "dims-512-576", LENGTHS, DIMS(512, 576)},
    {.head.name = "dims-512-64", LENGTHS, DIMS(512, 64)},
    {.head.name = "dims-64-512", LENGTHS, DIMS(64, 512)},
    {.head.name = "dims-512-256", LENGTHS, DIMS(512, 256)},
    {.head.name = "dims-256-512", LENGTHS, DIMS(256, 512)},
    {.head.name = "dims-320-128", LENGTHS, DIMS(320, 128)},
    {.head.name = "dims-128-320", LENGTHS, DIMS(128, 320)},
    {.head.name = "dims-264-8", LENGTHS, DIMS(264, 8)},
    {.head.name = "dims-8-264", LENGTHS, DIMS(8, 264)},
    {.head.name = "dims-1024-8", LENGTHS, DIMS(1024, 8)},
    {.head.name = "dims-8-1024", LENGTHS, DIMS(8, 1024)},
    {.head.name = "dims-520-72", LENGTHS, DIMS(520, 72)},
    {.head.name = "dims-72-520", LENGTHS, DIMS(72, 520)},
    {.head.name = "full", .lens_q = INTS(17, 3), .lens_k = INTS(20, 35), DIM_512},
    {.head.name = "window", .lens_q = INTS(17, 3), .lens_k = INTS(20, 35), .mask = VARLEN_MASK_WINDOW, .window_left = 6,
     .window_right = 2, DIM_512},
    {.head.name = "causal-window", LENGTHS, .window_left = 5, DIM_512},
    {.head.name = "top-left", LENGTHS, .alignment = VARLEN_ALIGN_TOP_LEFT, DIM_512},
    {.head.name = "rows-that-see-nothing", .lens_q = INTS(20, 9), .lens_k = INTS(6, 0), .mask = VARLEN_MASK_CAUSAL, DIM_512},
    {.head.name = "empty-sequences", .lens_q = INTS(0, 9, 4), .lens_k = INTS(7, 0, 5), DIM_512},
    {.head.name = "slots", LENGTHS, .free_q = INTS(2, 1), .free_k = INTS(1, 4), .leftpad_k = INTS(0, 3), .slack_q = 4,
     .slack_k = 3, DIM_512},
    {.head.name = "max-seqlen", LENGTHS, .max_seqlen = MAX_SEQLEN_LOOSE, DIM_512},
    {.head.name = "two-tiles-of-keys", .lens_q = INTS(3, 2), .lens_k = INTS(129, 257), .mask = VARLEN_MASK_CAUSAL, DIM_512},
    {.head.name = "panels-of-queries", .lens_q = INTS(70), .lens_k = INTS(9), DIMS(264, 320)},
    {.head.name = "softcap", LENGTHS, .softcap = 3, DIM_512},
    {.head.name = "alibi", LENGTHS, .slopes = SLOPES_PER_SEQUENCE, DIM_512},
    {.head.name = "sinks", LENGTHS, .sinks = SINKS_ORDINARY, DIM_512},
    {.head.name = "dropout", LENGTHS, .dropout_p = 0.3f, DIM_512},
    {.head.name = "everything", LENGTHS, .softcap = 5, .slopes = SLOPES_PER_HEAD, .sinks = SINKS_ORDINARY, .dropout_p = 0.2f,
     .dropout_in_memory = true, DIMS(576, 512)},
    {.head.name = "dlse", .head.passes = CASE_BACKWARD, LENGTHS, .dlse = true, DIM_512},
    {.head.name = "huge-scores", LENGTHS, .values = VALUES_HUGE_SCORES, .softmax_scale = 0.25f, DIM_512},
    {.head.name = "equal-scores", LENGTHS, .values = VALUES_EQUAL_SCORES, DIM_512},
    {.head.name = "large-v", .head.passes = CASE_FORWARD, LENGTHS, .values = VALUES_LARGE_V, DIM_512},
    {.head.name = "heads-3-on-3", LENGTHS, HEADS(3, 3), .head_dim = 512},
    {.head.name = "group-5", LENGTHS, HEADS(5, 1), .head_dim = 320},
    {.head.name = "group-8", LENGTHS, HEADS(16, 2), .head_dim = 264},
    {.head.name = "padded-strides", LENGTHS, .layout.kind = LAYOUT_PADDED, DIMS(512, 320)},
    {.head.name = "head-major", LENGTHS, .layout.kind = LAYOUT_HEAD_MAJOR, HEADS(4, 2), .head_dim = 512},
    {.head.name = "fused", .lens_q = INTS(17, 0, 9), .layout.kind = LAYOUT_FUSED, DIM_512},
    {.head.name = "qkvpacked", .lens_q = INTS(17, 0, 9), .layout.kind = LAYOUT_QKVPACKED, HEADS(2, 2), .head_dim = 320},
    {.head.name = "kvpacked", LENGTHS, .layout.kind = LAYOUT_KVPACKED, DIMS(384, 0)},
    {.head.name = "expanded-kv-heads", LENGTHS, .layout = {LAYOUT_EXPANDED_HEADS, .expanded = "kv"}, HEADS(4, 2),
     .head_dim = 512},
    {.head.name = "paged-1", PAGED(1), LENGTHS, DIM_512},
    {.head.name = "paged-16", PAGED(16), LENGTHS, DIM_512},
    {.head.name = "paged-64-leftpad", PAGED(64), LENGTHS, .leftpad_k = INTS(3, 9), DIMS(576, 512)},
    {.head.name = "decode", .lens_q = INTS(1, 1, 1), .lens_k = INTS(70, 1, 0), DIM_512},
    {.head.name = "decode-dim-264", .lens_q = INTS(1, 2, 1), .lens_k = INTS(70, 1, 33), DIMS(264, 0)},
    {.head.name = "decode-dims-296-520", .lens_q = INTS(1, 2, 1), .lens_k = INTS(70, 1, 33), DIMS(296, 520)},
    {.head.name = "decode-group-8", .lens_q = INTS(1, 1), .lens_k = INTS(70, 130), HEADS(8, 1), .head_dim = 512},
    {.head.name = "decode-long-keys-paged", PAGED(64), .lens_q = INTS(1, 2), .lens_k = INTS(1100, 40),
     .mask = VARLEN_MASK_CAUSAL, DIM_512},
};

/* Of one kv head, with v in k. */
#define LATENT(heads) .layout.v_in_k = true, HEADS(heads, 1), .head_dim = 576, .value_dim = 512
#define CAUSAL .mask = VARLEN_MASK_CAUSAL
#define SHORT .lens_q = INTS(9, 2), .lens_k = INTS(10, 20), CAUSAL

static const attention_case latent[] = {
    {.head.name = "prefill", SHORT, LATENT(4)},
    {.head.name = "full", .lens_q = INTS(9, 2), .lens_k = INTS(10, 20), LATENT(4)},
    {.head.name = "window", .lens_q = INTS(9, 2), .lens_k = INTS(10, 20), .mask = VARLEN_MASK_WINDOW, .window_left = 6,
     .window_right = 2, LATENT(4)},
    {.head.name = "softcap-sinks", SHORT, .softcap = 3, .sinks = SINKS_ORDINARY, LATENT(4)},
    {.head.name = "dropout", SHORT, .dropout_p = 0.3f, LATENT(4)},
    {.head.name = "slots", SHORT, .free_q = INTS(2, 1), .free_k = INTS(1, 4), .leftpad_k = INTS(0, 3), .slack_q = 4,
     .slack_k = 3, LATENT(4)},
    {.head.name = "padded-strides", SHORT, HEADS(4, 1), .head_dim = 576, .value_dim = 512,
     .layout = {LAYOUT_PADDED, .v_in_k = true}},
    {.head.name = "two-kv-heads", SHORT, HEADS(4, 2), .head_dim = 576, .value_dim = 512, .layout.v_in_k = true},
    {.head.name = "dims-288-256", SHORT, HEADS(4, 1), .head_dim = 288, .value_dim = 256, .layout.v_in_k = true},
    {.head.name = "dims-328-264", SHORT, HEADS(4, 1), .head_dim = 328, .value_dim = 264, .layout.v_in_k = true},
    {.head.name = "dims-equal", SHORT, HEADS(4, 1), .head_dim = 512, .layout.v_in_k = true},
    {.head.name = "paged-1", PAGED(1), SHORT, LATENT(4)},
    {.head.name = "paged-64", PAGED(64), .lens_q = INTS(2, 1), .lens_k = INTS(66, 30), CAUSAL, LATENT(4)},
    {.head.name = "paged-48-shared", PAGED(48), .lens_q = INTS(4, 3), .lens_k = INTS(100, 70), CAUSAL, .shared_pages = 1,
     LATENT(4)},
    {.head.name = "decode-8-heads", .lens_q = INTS(1, 1), .lens_k = INTS(70, 13), LATENT(8)},
    {.head.name = "decode-8-heads-dims-328-264", .lens_q = INTS(1, 1), .lens_k = INTS(70, 130), HEADS(8, 1),
     .head_dim = 328, .value_dim = 264, .layout.v_in_k = true},
    {.head.name = "decode-16-heads", .lens_q = INTS(1, 1), .lens_k = INTS(40, 13), LATENT(16)},
    {.head.name = "decode-64-heads", .lens_q = INTS(1, 1), .lens_k = INTS(70, 13), LATENT(64)},
    {.head.name = "decode-128-heads", .lens_q = INTS(1, 1), .lens_k = INTS(40, 13), LATENT(128)},
    {.head.name = "decode-128-heads-paged", PAGED(64), .lens_q = INTS(1, 1, 1), .lens_k = INTS(66, 0, 13), CAUSAL,
     LATENT(128)},
    {.head.name = "decode-12-heads-parts", .lens_q = INTS(4, 1), .lens_k = INTS(1030, 20), CAUSAL, LATENT(12)},
    {.head.name = "decode-12-heads-parts-paged", PAGED(64), .lens_q = INTS(1, 4), .lens_k = INTS(30, 1100), CAUSAL,
     LATENT(12)},
    {.head.name = "verify-16-heads-paged", PAGED(64), .lens_q = INTS(4, 2), .lens_k = INTS(90, 33), CAUSAL, LATENT(16)},
    {.head.name = "verify-128-heads", .lens_q = INTS(4, 3), .lens_k = INTS(30, 9), CAUSAL, LATENT(128)},
};
/* clang-format on */

const case_suite suite_wide = {
    .name = "wide",
    .passes = CASE_FORWARD | CASE_BACKWARD,
    CASE_ROWS(wide),
    .cost = attention_cost,
    .run = attention_run,
};

const case_suite suite_latent = {
    .name = "latent",
    .passes = CASE_FORWARD | CASE_BACKWARD,
    CASE_ROWS(latent),
    .cost = attention_cost,
    .run = attention_run,
};
