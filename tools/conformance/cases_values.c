/* Cases of unusual numbers: huge scores, equal scores, zeros of both signs, values at the ends of float16's range. */
#include "case.h"

#define LENGTHS .lens_q = INTS(35, 9, 66), .lens_k = INTS(35, 130, 30)
#define CAUSAL .mask = VARLEN_MASK_CAUSAL
#define HUGE_SCORES .values = VALUES_HUGE_SCORES, .softmax_scale = 4
/* Of head_dim 64: logits of +-64 * scale * q * k. */
#define SHARP(q, k, scale) .values = VALUES_SHARP, .q_size = q, .k_size = k, .softmax_scale = scale
#define LOGITS_5E9 SHARP(0x1p12f, 0x1.2p14f, 1)
#define LOGITS_1E12 SHARP(0x1p14f, 0x1p14f, 64)
#define LOGITS_1E36 SHARP(0x1p57f, 0x1p57f, 0.75f)
#define LOGITS_3E38 SHARP(0x1.cp60f, 0x1p61f, 1)
#define EXTREME_SLOPES SHARP(1, 1, 0), .slopes = SLOPES_EXTREME
#define DECODE .lens_q = INTS(1, 2), .lens_k = INTS(4096, 700)
#define WIDE .head.dtypes = CASE_FLOAT32 | CASE_BFLOAT16
#define FORWARD .head.passes = CASE_FORWARD

/* clang-format off */
static const attention_case rows[] = {
    {.head.name = "huge-scores", .head.passes = CASE_FORWARD, LENGTHS, HUGE_SCORES},
    {.head.name = "huge-scores-causal", .head.passes = CASE_FORWARD, LENGTHS, CAUSAL, HUGE_SCORES},
    {.head.name = "huge-scores-long-keys", .head.passes = CASE_FORWARD, .lens_q = INTS(1, 3), .lens_k = INTS(700, 530),
     HUGE_SCORES},
    {.head.name = "huge-scores-softcap", .head.passes = CASE_FORWARD, LENGTHS, HUGE_SCORES, .softcap = 50},
    {.head.name = "huge-scores-sinks", .head.passes = CASE_FORWARD, LENGTHS, CAUSAL, HUGE_SCORES,
     .sinks = SINKS_ORDINARY},
    {.head.name = "huge-scores-alibi", .head.passes = CASE_FORWARD, LENGTHS, CAUSAL, HUGE_SCORES,
     .slopes = SLOPES_PER_HEAD},
    {.head.name = "equal-scores", LENGTHS, .values = VALUES_EQUAL_SCORES},
    {.head.name = "equal-scores-causal", LENGTHS, CAUSAL, .values = VALUES_EQUAL_SCORES},
    {.head.name = "equal-scores-sinks", LENGTHS, .values = VALUES_EQUAL_SCORES, .sinks = SINKS_ORDINARY},
    {.head.name = "zeros", LENGTHS, .values = VALUES_ZEROS},
    {.head.name = "zeros-causal-dropout", LENGTHS, CAUSAL, .values = VALUES_ZEROS, .dropout_p = 0.2f},
    {.head.name = "large-v", .head.passes = CASE_FORWARD, LENGTHS, .values = VALUES_LARGE_V},
    {.head.name = "tiny", .head.passes = CASE_FORWARD, LENGTHS, CAUSAL, .values = VALUES_TINY},

    /* Logits up to the end of float32's range: docs/semantics.md, "Range". */
    {.head.name = "logits-1e6", WIDE, LENGTHS, CAUSAL, .values = VALUES_LARGE_LOGITS, .softmax_scale = 0.5f},
    {.head.name = "logits-1e6-decode", WIDE, FORWARD, DECODE, .values = VALUES_LARGE_LOGITS, .softmax_scale = 0.5f},
    {.head.name = "logits-5e9", WIDE, LENGTHS, LOGITS_5E9},
    {.head.name = "logits-5e9-two-keys", WIDE, .lens_q = INTS(1, 1), .lens_k = INTS(2, 2), LOGITS_5E9},
    {.head.name = "logits-5e9-causal", WIDE, LENGTHS, CAUSAL, LOGITS_5E9},
    {.head.name = "logits-5e9-decode", FORWARD, DECODE, LOGITS_5E9},
    {.head.name = "logits-5e9-paged", FORWARD, DECODE, LOGITS_5E9, .page_size = 16},
    {.head.name = "logits-5e9-dropout", WIDE, LENGTHS, CAUSAL, LOGITS_5E9, .dropout_p = 0.2f},
    {.head.name = "logits-5e9-sinks", WIDE, LENGTHS, CAUSAL, LOGITS_5E9, .sinks = SINKS_ORDINARY},
    {.head.name = "logits-5e9-negative-scale", WIDE, LENGTHS, CAUSAL, SHARP(0x1p12f, 0x1.2p14f, -1)},
    {.head.name = "logits-1e12", WIDE, LENGTHS, CAUSAL, LOGITS_1E12},
    {.head.name = "logits-1e12-decode", FORWARD, DECODE, LOGITS_1E12},
    {.head.name = "logits-5e9-halves", .head.dtypes = CASE_FLOAT16, FORWARD, LENGTHS, CAUSAL, LOGITS_5E9},
    {.head.name = "logits-of-the-largest-halves-decode", .head.dtypes = CASE_FLOAT16, FORWARD, DECODE, SHARP(65504, 65504, 0)},
    {.head.name = "logits-of-the-largest-halves", .head.dtypes = CASE_FLOAT16, FORWARD, LENGTHS, CAUSAL, SHARP(65504, 65504, 0)},
    {.head.name = "logits-1e36", WIDE, LENGTHS, CAUSAL, LOGITS_1E36},
    {.head.name = "logits-1e36-decode", WIDE, FORWARD, DECODE, LOGITS_1E36},
    {.head.name = "logits-3e38", WIDE, LENGTHS, CAUSAL, LOGITS_3E38},
    {.head.name = "logits-3e38-decode", WIDE, FORWARD, DECODE, LOGITS_3E38},
    {.head.name = "logits-3e38-dropout", WIDE, LENGTHS, LOGITS_3E38, .dropout_p = 0.2f},
    {.head.name = "logits-3e38-softcap", WIDE, LENGTHS, LOGITS_3E38, .softcap = 50},
    {.head.name = "logits-3e38-sinks", WIDE, LENGTHS, LOGITS_3E38, .sinks = SINKS_EXTREME},
    {.head.name = "logits-past-the-range-by-scale", WIDE, FORWARD, LENGTHS, SHARP(0x1.cp60f, 0x1p57f, 1e30f)},

    {.head.name = "largest-v", FORWARD, LENGTHS, .values = VALUES_LARGEST_V},
    {.head.name = "largest-v-causal", FORWARD, LENGTHS, CAUSAL, .values = VALUES_LARGEST_V},
    {.head.name = "largest-v-sinks", FORWARD, LENGTHS, .values = VALUES_LARGEST_V, .sinks = SINKS_ORDINARY},
    {.head.name = "largest-v-decode", FORWARD, DECODE, .values = VALUES_LARGEST_V},
    {.head.name = "largest-v-paged", FORWARD, DECODE, .values = VALUES_LARGEST_V, .page_size = 16},
    {.head.name = "largest-v-many-keys", FORWARD, .lens_q = INTS(20), .lens_k = INTS(4096),
     .values = VALUES_LARGEST_V},

    {.head.name = "extreme-slopes", LENGTHS, CAUSAL, EXTREME_SLOPES},
    {.head.name = "extreme-slopes-top-left", LENGTHS, .alignment = VARLEN_ALIGN_TOP_LEFT, EXTREME_SLOPES},
    {.head.name = "extreme-slopes-decode", FORWARD, DECODE, EXTREME_SLOPES},
    {.head.name = "extreme-slopes-dropout", LENGTHS, EXTREME_SLOPES, .dropout_p = 0.2f},
    {.head.name = "tiny-softcap", LENGTHS, CAUSAL, .softcap = 1e-30f},
    {.head.name = "huge-softcap", LENGTHS, CAUSAL, .softcap = 1e30f},
    {.head.name = "tiny-softcap-decode", FORWARD, DECODE, .softcap = 1e-30f},
    {.head.name = "huge-softcap-decode", FORWARD, DECODE, .softcap = 1e30f},
    {.head.name = "extreme-sinks", LENGTHS, CAUSAL, .sinks = SINKS_EXTREME},
    {.head.name = "extreme-sinks-dlse", .head.passes = CASE_BACKWARD, LENGTHS, CAUSAL, .sinks = SINKS_EXTREME, .dlse = true},
    {.head.name = "extreme-sinks-decode", FORWARD, DECODE, .sinks = SINKS_EXTREME},
};
/* clang-format on */

const case_suite suite_values = {
    .name = "values",
    .passes = CASE_FORWARD | CASE_BACKWARD,
    CASE_ROWS(rows),
    .cost = attention_cost,
    .run = attention_run,
};
