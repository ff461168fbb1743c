/* Cases of varlen_kv_append: packed, paged and latent caches, both kinds of rotation. */
#include "append.h"

#define DECODE .lens_new = INTS(1, 1, 1), .used = INTS(5, 0, 33), .spare = INTS(4, 0, 1)
#define PREFILL .lens_new = INTS(7, 0, 20), .used = INTS(5, 9, 0), .spare = INTS(4, 2, 0)

#define ATTENDED .lens_new = INTS(7, 0, 40, 1), .spare = INTS(4, 2, 0, 1), .slack_new = 2, .q_heads = 4

/* One copy of the keys, whose first columns are the values and whose last ones turn. */
#define LATENT                                                                                                         \
    .kv_heads = 1, .head_dim = 576, .value_dim = 512, .keys_alone = true, .rotary_dim = 64, .rotary_begin = 512

#define EACH(label, ...)                                                                                               \
    {.head.name = label "-e4m3", .cache_dtype = VARLEN_FLOAT8_E4M3, __VA_ARGS__},                                      \
        {.head.name = label "-e5m2", .cache_dtype = VARLEN_FLOAT8_E5M2, __VA_ARGS__},                                  \
    {                                                                                                                  \
        .head.name = label "-int8", .cache_dtype = VARLEN_INT8, __VA_ARGS__                                            \
    }
#define GIVEN(kind) .scales_given = true, .scales = SCALES_##kind

/* clang-format off */
static const append_case rows[] = {
    {.head.name = "packed", PREFILL},
    {.head.name = "packed-decode", DECODE},
    {.head.name = "packed-slack", PREFILL, .slack_new = 6},
    {.head.name = "no-sequences", .slack_new = 3},
    {.head.name = "nothing-new", .lens_new = INTS(0, 0), .used = INTS(3, 0), .spare = INTS(1, 2)},
    {.head.name = "seqused-in-place", PREFILL, .seqused_in_place = true},
    {.head.name = "without-seqused-out", PREFILL, .without_seqused_out = true},
    {.head.name = "dims-192-128", PREFILL, .head_dim = 192, .value_dim = 128},
    {.head.name = "dims-576-512", PREFILL, .head_dim = 576, .value_dim = 512},
    {.head.name = "dims-264-1032-paged", PREFILL, .head_dim = 264, .value_dim = 1032, .page_size = 16},
    {.head.name = "dims-512", PREFILL, .head_dim = 512},
    {.head.name = "dims-2048-paged", DECODE, .head_dim = 2048, .page_size = 3},
    {.head.name = "padded-strides", PREFILL, .layout.kind = LAYOUT_PADDED},
    {.head.name = "head-major", PREFILL, .layout.kind = LAYOUT_HEAD_MAJOR},
    {.head.name = "rotary-half-split", PREFILL, .rotary_dim = 64},
    {.head.name = "rotary-interleaved", PREFILL, .rotary_dim = 64, .rotary_interleaved = true},
    {.head.name = "rotary-partial-half-split", PREFILL, .rotary_dim = 20, .head_dim = 40},
    {.head.name = "rotary-partial-interleaved", PREFILL, .rotary_dim = 18, .head_dim = 40, .rotary_interleaved = true},
    {.head.name = "rotary-2", DECODE, .rotary_dim = 2, .head_dim = 8},
    {.head.name = "rotary-queries-half-split", PREFILL, .slack_new = 3, .q_heads = 6, .rotary_dim = 64},
    {.head.name = "rotary-queries-interleaved", PREFILL, .slack_new = 3, .q_heads = 6, .rotary_dim = 32,
     .rotary_interleaved = true},
    {.head.name = "rotary-dim-512-half-split", PREFILL, .q_heads = 4, .head_dim = 512, .rotary_dim = 512},
    {.head.name = "rotary-dim-512-interleaved", PREFILL, .q_heads = 4, .head_dim = 512, .rotary_dim = 512,
     .rotary_interleaved = true},
    {.head.name = "rotary-dim-712-half-split", DECODE, .q_heads = 2, .head_dim = 712, .rotary_dim = 540},
    {.head.name = "rotary-dim-712-interleaved", DECODE, .q_heads = 2, .head_dim = 712, .rotary_dim = 646,
     .rotary_interleaved = true},
    {.head.name = "rotary-dims-576-512-paged", PREFILL, .q_heads = 3, .head_dim = 576, .value_dim = 512, .rotary_dim = 64,
     .page_size = 5},
    {.head.name = "rotary-dim-2048", DECODE, .q_heads = 1, .head_dim = 2048, .rotary_dim = 2048},
    {.head.name = "rotary-begin-half-split", PREFILL, .q_heads = 6, .rotary_dim = 20, .rotary_begin = 11, .head_dim = 40},
    {.head.name = "rotary-begin-interleaved", PREFILL, .q_heads = 6, .rotary_dim = 18, .rotary_begin = 7, .head_dim = 40,
     .rotary_interleaved = true},
    {.head.name = "rotary-begin-wide-half-split", DECODE, .q_heads = 2, .head_dim = 712, .rotary_dim = 540, .rotary_begin = 171},
    {.head.name = "rotary-begin-wide-interleaved", DECODE, .q_heads = 2, .head_dim = 712, .rotary_dim = 646, .rotary_begin = 65,
     .rotary_interleaved = true},
    {.head.name = "rotary-leftpad", PREFILL, .q_heads = 2, .leftpad_k = INTS(3, 9, 0), .rotary_dim = 64},
    {.head.name = "rotary-padded-strides", PREFILL, .slack_new = 2, .q_heads = 3, .rotary_dim = 32,
     .layout.kind = LAYOUT_PADDED},
    {.head.name = "paged-1", PREFILL, .page_size = 1},
    {.head.name = "paged-3", PREFILL, .page_size = 3},
    {.head.name = "paged-16", PREFILL, .page_size = 16},
    {.head.name = "paged-nothing-new", .lens_new = INTS(0, 0), .used = INTS(3, 0), .page_size = 2},
    {.head.name = "paged-no-table", .lens_new = INTS(0, 0, 0), .page_size = 16, .without_table = true},
    {.head.name = "paged-no-table-rotary", .lens_new = INTS(0, 0), .slack_new = 3, .page_size = 16, .without_table = true,
     .q_heads = 4, .rotary_dim = 64},
    {.head.name = "paged-no-table-no-sequences", .slack_new = 2, .page_size = 16, .without_table = true},
    {.head.name = "paged-256", DECODE, .page_size = 256},
    {.head.name = "paged-decode", DECODE, .page_size = 8, .seqused_in_place = true},
    {.head.name = "paged-padded-strides", PREFILL, .page_size = 4, .layout.kind = LAYOUT_PADDED},
    {.head.name = "paged-head-major", PREFILL, .page_size = 4, .layout.kind = LAYOUT_HEAD_MAJOR},
    {.head.name = "paged-rotary-half-split", PREFILL, .page_size = 5, .q_heads = 4, .rotary_dim = 64},
    {.head.name = "paged-rotary-interleaved", PREFILL, .page_size = 5, .q_heads = 4, .rotary_dim = 48,
     .rotary_interleaved = true, .leftpad_k = INTS(1, 0, 0)},
    {.head.name = "keys-alone", PREFILL, .slack_new = 3, .keys_alone = true},
    {.head.name = "keys-alone-paged", PREFILL, .page_size = 4, .keys_alone = true, .layout.kind = LAYOUT_PADDED},
    {.head.name = "keys-alone-no-sequences", .slack_new = 3, .keys_alone = true},
    {.head.name = "latent", PREFILL, LATENT, .q_heads = 16},
    {.head.name = "latent-interleaved", PREFILL, LATENT, .q_heads = 16, .rotary_interleaved = true, .leftpad_k = INTS(3, 9, 0)},
    {.head.name = "latent-paged", DECODE, LATENT, .q_heads = 16, .page_size = 64, .seqused_in_place = true},
    {.head.name = "latent-padded-strides", PREFILL, LATENT, .q_heads = 5, .page_size = 3, .layout.kind = LAYOUT_PADDED},

    EACH("quantized-packed", PREFILL, .slack_new = 6),
    EACH("quantized-decode", DECODE, .seqused_in_place = true),
    EACH("quantized-dims-192-128", PREFILL, .head_dim = 192, .value_dim = 128),
    EACH("quantized-dims-512", PREFILL, .head_dim = 512),
    EACH("quantized-dims-576-512-paged", PREFILL, .head_dim = 576, .value_dim = 512, .page_size = 3),
    EACH("quantized-dims-2048", DECODE, .head_dim = 2048, .value_dim = 1040),
    EACH("quantized-padded-strides", PREFILL, .layout.kind = LAYOUT_PADDED),
    EACH("quantized-extreme", PREFILL, .extreme = true),
    EACH("quantized-rotary-half-split", PREFILL, .q_heads = 6, .rotary_dim = 64),
    EACH("quantized-rotary-partial", PREFILL, .rotary_dim = 18, .head_dim = 48, .rotary_interleaved = true),
    EACH("quantized-rotary-wide", PREFILL, .head_dim = 576, .value_dim = 512, .q_heads = 2, .rotary_dim = 576),
    EACH("quantized-rotary-wide-interleaved", PREFILL, .head_dim = 576, .q_heads = 2, .rotary_dim = 576,
         .rotary_interleaved = true),
    EACH("quantized-rotary-wide-partial", PREFILL, .head_dim = 544, .value_dim = 272, .rotary_dim = 300),
    EACH("quantized-rotary-wide-scales-given", PREFILL, .head_dim = 528, .rotary_dim = 526, GIVEN(PER_HEAD)),
    EACH("quantized-rotary-begin-half-split", PREFILL, .head_dim = 544, .value_dim = 272, .rotary_dim = 300, .rotary_begin = 131),
    EACH("quantized-rotary-begin-interleaved", PREFILL, .head_dim = 544, .value_dim = 272, .rotary_dim = 300, .rotary_begin = 131,
         .rotary_interleaved = true),
    EACH("quantized-latent", PREFILL, LATENT, .q_heads = 16),
    EACH("quantized-latent-paged", DECODE, LATENT, .q_heads = 3, .page_size = 16, .rotary_interleaved = true),
    EACH("quantized-keys-alone-scales-given", PREFILL, .keys_alone = true, GIVEN(PER_HEAD)),
    EACH("quantized-paged-3", PREFILL, .page_size = 3),
    EACH("quantized-paged-decode", DECODE, .page_size = 16, .kv_heads = 5),
    EACH("quantized-paged-rotary", PREFILL, .page_size = 5, .q_heads = 4, .rotary_dim = 64, .leftpad_k = INTS(1, 0, 0)),
    EACH("quantized-no-sequences", .slack_new = 3),
    EACH("quantized-scales-of-1", PREFILL, GIVEN(NONE)),
    EACH("quantized-scales-given", PREFILL, .rotary_dim = 32, GIVEN(PER_TENSOR)),
    EACH("quantized-scales-given-per-head", PREFILL, GIVEN(PER_HEAD)),
    EACH("quantized-scales-given-paged", DECODE, .page_size = 16, GIVEN(PER_HEAD)),
    EACH("quantized-scales-given-past-the-range", PREFILL, .extreme = true, GIVEN(PER_HEAD)),
};

static const append_case attended_rows[] = {
    {.head.name = "packed", ATTENDED, .rotary_dim = 64},
    {.head.name = "paged", ATTENDED, .rotary_dim = 64, .page_size = 16},
    {.head.name = "latent", ATTENDED, LATENT},
    {.head.name = "latent-interleaved-paged", ATTENDED, LATENT, .page_size = 16, .rotary_interleaved = true},
    {.head.name = "keys-alone", ATTENDED, .keys_alone = true, .rotary_dim = 32, .rotary_begin = 32},
    EACH("quantized", ATTENDED, .rotary_dim = 64),
    EACH("quantized-interleaved", ATTENDED, .rotary_dim = 32, .rotary_interleaved = true),
    EACH("quantized-padded-strides", ATTENDED, .rotary_dim = 64, .layout.kind = LAYOUT_PADDED),
    EACH("quantized-paged", ATTENDED, .rotary_dim = 64, .page_size = 16),
    EACH("quantized-dims-576-512", ATTENDED, .rotary_dim = 64, .head_dim = 576, .value_dim = 512, .page_size = 3),
    EACH("quantized-latent-paged", ATTENDED, LATENT, .page_size = 16),
    EACH("quantized-scales-given", ATTENDED, .rotary_dim = 64, GIVEN(PER_HEAD)),
    EACH("quantized-scales-given-paged", ATTENDED, .rotary_dim = 64, .page_size = 16, GIVEN(PER_HEAD)),
};
/* clang-format on */

const case_suite suite_append = {
    .name = "around/append",
    CASE_ROWS(rows),
    .run = append_run,
};

const case_suite suite_append_attend = {
    .name = "around/append-attend",
    CASE_ROWS(attended_rows),
    .run = append_attend_run,
};
