/* Cases of unusual numbers: huge scores, equal scores, zeros of both signs, values at the ends of float16's range. */
#include "case.h"

#define LENGTHS .lens_q = INTS(35, 9, 66), .lens_k = INTS(35, 130, 30)
#define CAUSAL .mask = VARLEN_MASK_CAUSAL
#define HUGE_SCORES .values = VALUES_HUGE_SCORES, .softmax_scale = 4

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
};
/* clang-format on */

const case_suite suite_values = {
    .name = "values",
    .passes = CASE_FORWARD | CASE_BACKWARD,
    CASE_ROWS(rows),
    .cost = attention_cost,
    .run = attention_run,
};
