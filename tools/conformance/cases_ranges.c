/* Cases of key_begin and key_end: what models make of them, and what they meet. */
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
    {.head.name = "anywhere-alone", LENGTHS, .ranges = RANGES_ANYWHERE},
    {.head.name = "band-alone", LENGTHS, .ranges = RANGES_BAND},
    {.head.name = "documents-alone", LENGTHS, .ranges = RANGES_DOCUMENTS},
    {.head.name = "begin-alone-alone", LENGTHS, .ranges = RANGES_LATE},
    {.head.name = "causal-as-end-alone", LENGTHS, .ranges = RANGES_CAUSAL},
    {.head.name = "prefix-alone", LENGTHS, .ranges = RANGES_PREFIX},
    {.head.name = "image-spans-alone", LENGTHS, .ranges = RANGES_IMAGES},
    {.head.name = "block-diffusion-alone", LENGTHS, .ranges = RANGES_BLOCKS},
    {.head.name = "rows-that-see-nothing-alone", LENGTHS, .ranges = RANGES_NOTHING},

    {.head.name = "anywhere-top-left", LENGTHS, .ranges = RANGES_ANYWHERE, TOP_LEFT},
    {.head.name = "band-top-left", LENGTHS, .ranges = RANGES_BAND, TOP_LEFT},
    {.head.name = "documents-top-left", LENGTHS, .ranges = RANGES_DOCUMENTS, TOP_LEFT},
    {.head.name = "begin-alone-top-left", LENGTHS, .ranges = RANGES_LATE, TOP_LEFT},
    {.head.name = "causal-as-end-top-left", LENGTHS, .ranges = RANGES_CAUSAL, TOP_LEFT},
    {.head.name = "prefix-top-left", LENGTHS, .ranges = RANGES_PREFIX, TOP_LEFT},
    {.head.name = "image-spans-top-left", LENGTHS, .ranges = RANGES_IMAGES, TOP_LEFT},
    {.head.name = "block-diffusion-top-left", LENGTHS, .ranges = RANGES_BLOCKS, TOP_LEFT},
    {.head.name = "rows-that-see-nothing-top-left", LENGTHS, .ranges = RANGES_NOTHING, TOP_LEFT},

    {.head.name = "anywhere-and-causal", LENGTHS, CAUSAL, .ranges = RANGES_ANYWHERE},
    {.head.name = "band-and-causal", LENGTHS, CAUSAL, .ranges = RANGES_BAND},
    {.head.name = "documents-and-causal", LENGTHS, CAUSAL, .ranges = RANGES_DOCUMENTS},
    {.head.name = "begin-alone-and-causal", LENGTHS, CAUSAL, .ranges = RANGES_LATE},
    {.head.name = "causal-as-end-and-causal", LENGTHS, CAUSAL, .ranges = RANGES_CAUSAL},
    {.head.name = "prefix-and-causal", LENGTHS, CAUSAL, .ranges = RANGES_PREFIX},
    {.head.name = "image-spans-and-causal", LENGTHS, CAUSAL, .ranges = RANGES_IMAGES},
    {.head.name = "block-diffusion-and-causal", LENGTHS, CAUSAL, .ranges = RANGES_BLOCKS},
    {.head.name = "rows-that-see-nothing-and-causal", LENGTHS, CAUSAL, .ranges = RANGES_NOTHING},

    {.head.name = "anywhere-and-window", LENGTHS, WINDOW(13, 5), .ranges = RANGES_ANYWHERE},
    {.head.name = "band-and-window", LENGTHS, WINDOW(13, 5), .ranges = RANGES_BAND},
    {.head.name = "documents-and-window", LENGTHS, WINDOW(13, 5), .ranges = RANGES_DOCUMENTS},
    {.head.name = "begin-alone-and-window", LENGTHS, WINDOW(13, 5), .ranges = RANGES_LATE},
    {.head.name = "causal-as-end-and-window", LENGTHS, WINDOW(13, 5), .ranges = RANGES_CAUSAL},
    {.head.name = "prefix-and-window", LENGTHS, WINDOW(13, 5), .ranges = RANGES_PREFIX},
    {.head.name = "image-spans-and-window", LENGTHS, WINDOW(13, 5), .ranges = RANGES_IMAGES},
    {.head.name = "block-diffusion-and-window", LENGTHS, WINDOW(13, 5), .ranges = RANGES_BLOCKS},
    {.head.name = "rows-that-see-nothing-and-window", LENGTHS, WINDOW(13, 5), .ranges = RANGES_NOTHING},

    {.head.name = "window-open-left-and-anywhere", LENGTHS, WINDOW(OPEN, 2), .ranges = RANGES_ANYWHERE},
    {.head.name = "window-open-right-and-band", LENGTHS, WINDOW(2, OPEN), .ranges = RANGES_BAND},
    {.head.name = "window-itself-alone-and-documents", LENGTHS, WINDOW(0, 0), .ranges = RANGES_DOCUMENTS},
    {.head.name = "causal-left-window-and-images", LENGTHS, CAUSAL, .window_left = 9, .ranges = RANGES_IMAGES},

    {.head.name = "anywhere-in-slots", LENGTHS, .ranges = RANGES_ANYWHERE, .free_q = INTS(1, 2, 3, 4, 5, 6),
     .free_k = INTS(6, 5, 4, 3, 2, 1), .leftpad_k = INTS(1, 0, 2, 0, 3, 0), .slack_q = 9, .slack_k = 4},
    {.head.name = "band-in-slots", LENGTHS, .ranges = RANGES_BAND, .free_q = INTS(1, 2, 3, 4, 5, 6),
     .free_k = INTS(6, 5, 4, 3, 2, 1), .leftpad_k = INTS(1, 0, 2, 0, 3, 0), .slack_q = 9, .slack_k = 4},
    {.head.name = "causal-as-end-in-slots", LENGTHS, .ranges = RANGES_CAUSAL, .free_q = INTS(1, 2, 3, 4, 5, 6),
     .free_k = INTS(6, 5, 4, 3, 2, 1), .leftpad_k = INTS(1, 0, 2, 0, 3, 0), .slack_q = 9, .slack_k = 4},
    {.head.name = "rows-that-see-nothing-in-slots", LENGTHS, .ranges = RANGES_NOTHING,
     .free_q = INTS(1, 2, 3, 4, 5, 6), .free_k = INTS(6, 5, 4, 3, 2, 1), .leftpad_k = INTS(1, 0, 2, 0, 3, 0),
     .slack_q = 9, .slack_k = 4},

    {.head.name = "seqused-q-band", LENGTHS, .ranges = RANGES_BAND, .free_q = INTS(0, 9, 1, 0, 2, 7)},
    {.head.name = "seqused-k-blocks", LENGTHS, .ranges = RANGES_BLOCKS, .free_k = INTS(0, 9, 1, 0, 2, 7)},
    {.head.name = "leftpad-images", LENGTHS, .ranges = RANGES_IMAGES, .leftpad_k = INTS(5, 0, 64, 1, 2, 3)},
    {.head.name = "short-cu-seqlens", LENGTHS, .ranges = RANGES_ANYWHERE, .slack_q = 40},
    {.head.name = "max-seqlen-exact", LENGTHS, .ranges = RANGES_DOCUMENTS, .max_seqlen = MAX_SEQLEN_EXACT},

    {.head.name = "heads-one-each", LENGTHS, .ranges = RANGES_BAND, .q_heads = 3, .kv_heads = 3},
    {.head.name = "heads-group-7", LENGTHS, .ranges = RANGES_ANYWHERE, .q_heads = 7, .kv_heads = 1},
    {.head.name = "heads-group-16", LENGTHS, .ranges = RANGES_IMAGES, .q_heads = 16, .kv_heads = 1},
    {.head.name = "heads-group-100", .lens_q = INTS(9, 30), .lens_k = INTS(200, 150), .ranges = RANGES_BAND,
     .q_heads = 100, .kv_heads = 1},
    {.head.name = "dims-40-72", LENGTHS, .ranges = RANGES_DOCUMENTS, .head_dim = 40, .value_dim = 72},
    {.head.name = "dims-192-128", LENGTHS, .ranges = RANGES_BLOCKS, CAUSAL, .head_dim = 192, .value_dim = 128},
    {.head.name = "dims-256", LENGTHS, .ranges = RANGES_BAND, .head_dim = 256},
    {.head.name = "padded-strides", LENGTHS, .ranges = RANGES_ANYWHERE, .layout.kind = LAYOUT_PADDED},

    {.head.name = "softcap", LENGTHS, .ranges = RANGES_BAND, .softcap = 1.5f},
    {.head.name = "alibi", LENGTHS, .ranges = RANGES_ANYWHERE, .slopes = SLOPES_PER_HEAD},
    {.head.name = "alibi-per-sequence-top-left", LENGTHS, TOP_LEFT, .ranges = RANGES_DOCUMENTS,
     .slopes = SLOPES_PER_SEQUENCE},
    {.head.name = "sinks", LENGTHS, .ranges = RANGES_NOTHING, .sinks = SINKS_ORDINARY},
    {.head.name = "sinks-very-negative", LENGTHS, .ranges = RANGES_ANYWHERE, .sinks = SINKS_VERY_NEGATIVE},
    {.head.name = "dropout", LENGTHS, .ranges = RANGES_IMAGES, .dropout_p = 0.3f},
    {.head.name = "dropout-band", LENGTHS, .ranges = RANGES_BAND, .dropout_p = 0.5f},
    {.head.name = "dlse", .head.passes = CASE_BACKWARD, LENGTHS, .ranges = RANGES_ANYWHERE, .dlse = true},
    {.head.name = "dlse-sinks", .head.passes = CASE_BACKWARD, LENGTHS, .ranges = RANGES_NOTHING,
     .sinks = SINKS_ORDINARY, .dlse = true},
    {.head.name = "everything-and-ranges", LENGTHS, .ranges = RANGES_BAND, WINDOW(30, 4),
     .softmax_scale = 0.17f, .softcap = 3, .slopes = SLOPES_PER_SEQUENCE, .sinks = SINKS_ORDINARY, .dropout_p = 0.2f,
     .free_q = INTS(1, 2, 3, 4, 5, 6), .free_k = INTS(6, 5, 4, 3, 2, 1), .leftpad_k = INTS(1, 0, 2, 0, 3, 0),
     .slack_q = 9, .slack_k = 4},

    {.head.name = "many-keys-band", .lens_q = INTS(300, 40), .lens_k = INTS(300, 700), .ranges = RANGES_BAND},
    {.head.name = "many-keys-anywhere", .lens_q = INTS(150, 9), .lens_k = INTS(600, 900), .ranges = RANGES_ANYWHERE},
    {.head.name = "many-keys-documents-group-4", .lens_q = INTS(520, 1), .lens_k = INTS(520, 300),
     .ranges = RANGES_DOCUMENTS, .q_heads = 4, .kv_heads = 1},
    {.head.name = "many-keys-nothing", .lens_q = INTS(260), .lens_k = INTS(300), .ranges = RANGES_NOTHING},
    {.head.name = "many-short",
     .lens_q = INTS(1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7, 0, 5, 4, 3, 2, 1, 1, 2, 1, 3, 1, 1, 9),
     .ranges = RANGES_ANYWHERE},
    {.head.name = "empty-sequences", .lens_q = INTS(0, 9, 0, 3, 20, 0), .lens_k = INTS(4, 9, 0, 0, 30, 0),
     .ranges = RANGES_ANYWHERE},
    {.head.name = "no-sequences", .slack_q = 5, .slack_k = 3, .ranges = RANGES_BAND},
    {.head.name = "decode-ranges", .head.passes = CASE_FORWARD, .lens_q = INTS(1, 1, 1, 1),
     .lens_k = INTS(300, 1, 0, 77), .ranges = RANGES_ANYWHERE},
    {.head.name = "decode-few-queries", .head.passes = CASE_FORWARD, .lens_q = INTS(2, 4, 3),
     .lens_k = INTS(300, 41, 77), CAUSAL, .ranges = RANGES_BAND, .kv_heads = 4},
    {.head.name = "decode-split-keys", .head.passes = CASE_FORWARD, .lens_q = INTS(1, 9, 2),
     .lens_k = INTS(1300, 1100, 2600), .ranges = RANGES_ANYWHERE},
    {.head.name = "decode-split-keys-begin-alone", .head.passes = CASE_FORWARD, .lens_q = INTS(1, 3, 1),
     .lens_k = INTS(2100, 3000, 1030), CAUSAL, .ranges = RANGES_LATE, .sinks = SINKS_ORDINARY},

    {.head.name = "paged-band", .head.passes = CASE_FORWARD, PAGES, .ranges = RANGES_BAND, .page_size = 16},
    {.head.name = "paged-anywhere-page-1", .head.passes = CASE_FORWARD, PAGES, .ranges = RANGES_ANYWHERE,
     .page_size = 1},
    {.head.name = "paged-images-leftpad", .head.passes = CASE_FORWARD, PAGES, CAUSAL, .ranges = RANGES_IMAGES,
     .page_size = 7, .leftpad_k = INTS(3, 20, 0, 16)},
    {.head.name = "paged-shared", .head.passes = CASE_FORWARD, .lens_q = INTS(9, 4, 1), .lens_k = INTS(50, 66, 49),
     .ranges = RANGES_DOCUMENTS, .page_size = 16, .shared_pages = 3},
    {.head.name = "paged-decode", .head.passes = CASE_FORWARD, .lens_q = INTS(1, 2, 1),
     .lens_k = INTS(1300, 40, 333), .ranges = RANGES_LATE, .page_size = 48},
    {.head.name = "paged-slots", .head.passes = CASE_FORWARD, PAGES, .ranges = RANGES_NOTHING, .page_size = 16,
     .free_q = INTS(1, 0, 3, 2), .slack_q = 5},
};
/* clang-format on */

const case_suite suite_ranges = {
    .name = "ranges",
    .passes = CASE_FORWARD | CASE_BACKWARD,
    CASE_ROWS(rows),
    .cost = attention_cost,
    .run = attention_run,
};
