/* Cases of what enters a score, a weight or a gradient: scale, softcap, ALiBi, sinks, dropout, the gradient of lse, and
 * their combinations. */
#include "case.h"

#define LENGTHS .lens_q = INTS(35, 9, 66, 20), .lens_k = INTS(35, 70, 30, 0)
#define CAUSAL .mask = VARLEN_MASK_CAUSAL
#define WINDOW(left, right) .mask = VARLEN_MASK_WINDOW, .window_left = (left), .window_right = (right)
#define BACKWARD .head.passes = CASE_BACKWARD
#define TOP_LEFT .alignment = VARLEN_ALIGN_TOP_LEFT

/* clang-format off */
static const attention_case rows[] = {
    {.head.name = "all-with-very-long-keys", .head.passes = CASE_FORWARD, .lens_q = INTS(1, 9, 2),
     .lens_k = INTS(1300, 1100, 2600), .mask = VARLEN_MASK_WINDOW, .window_left = 1200, .window_right = 0,
     .softcap = 3, .slopes = SLOPES_PER_SEQUENCE, .sinks = SINKS_ORDINARY, .dropout_p = 0.3f},
    {.head.name = "scale", LENGTHS, .softmax_scale = 0.3f},
    {.head.name = "scale-negative", LENGTHS, .softmax_scale = -0.2f},
    {.head.name = "scale-zero", LENGTHS, CAUSAL, .flags = VARLEN_FLAG_EXACT_SCALE},
    {.head.name = "scale-zero-alibi-sinks", LENGTHS, .flags = VARLEN_FLAG_EXACT_SCALE, .slopes = SLOPES_PER_HEAD,
     .sinks = SINKS_ORDINARY},
    {.head.name = "scale-exact", LENGTHS, .softmax_scale = 0.3f, .flags = VARLEN_FLAG_EXACT_SCALE},
    {.head.name = "without-lse", .head.passes = CASE_FORWARD, LENGTHS, CAUSAL, .without_lse = true},

    {.head.name = "softcap", LENGTHS, .softcap = 1.5f},
    {.head.name = "softcap-causal", LENGTHS, CAUSAL, .softcap = 30},
    {.head.name = "softcap-reached", LENGTHS, .softmax_scale = 2, .softcap = 5},

    {.head.name = "alibi", LENGTHS, .slopes = SLOPES_PER_HEAD},
    {.head.name = "alibi-top-left", LENGTHS, TOP_LEFT, .slopes = SLOPES_PER_HEAD},
    {.head.name = "alibi-causal", LENGTHS, CAUSAL, .slopes = SLOPES_PER_HEAD},
    {.head.name = "alibi-causal-top-left", LENGTHS, CAUSAL, TOP_LEFT, .slopes = SLOPES_PER_HEAD},
    {.head.name = "alibi-window", LENGTHS, WINDOW(20, 9), .slopes = SLOPES_PER_HEAD},
    {.head.name = "alibi-per-sequence", LENGTHS, .slopes = SLOPES_PER_SEQUENCE},
    {.head.name = "alibi-leftpad", LENGTHS, CAUSAL, .slopes = SLOPES_PER_SEQUENCE, .leftpad_k = INTS(3, 0, 11, 2)},
    {.head.name = "alibi-long", .lens_q = INTS(3, 1), .lens_k = INTS(900, 600), .slopes = SLOPES_PER_HEAD},

    {.head.name = "sinks", LENGTHS, .sinks = SINKS_ORDINARY},
    {.head.name = "sinks-causal", LENGTHS, CAUSAL, .sinks = SINKS_ORDINARY},
    {.head.name = "sinks-very-negative", LENGTHS, CAUSAL, .sinks = SINKS_VERY_NEGATIVE},
    {.head.name = "sinks-dominant", LENGTHS, CAUSAL, .sinks = SINKS_DOMINANT},
    {.head.name = "sinks-rows-that-see-nothing", .lens_q = INTS(60, 4), .lens_k = INTS(7, 0), CAUSAL,
     .sinks = SINKS_ORDINARY},
    {.head.name = "sinks-long-keys", .lens_q = INTS(1, 2), .lens_k = INTS(800, 600), .sinks = SINKS_ORDINARY},

    {.head.name = "dropout", LENGTHS, .dropout_p = 0.25f},
    {.head.name = "dropout-causal", LENGTHS, CAUSAL, .dropout_p = 0.1f},
    {.head.name = "dropout-window", LENGTHS, WINDOW(13, 6), .dropout_p = 0.5f},
    {.head.name = "dropout-almost-all", LENGTHS, .dropout_p = 0.97f},
    {.head.name = "dropout-almost-none", LENGTHS, .dropout_p = 1e-6f},
    {.head.name = "dropout-state-in-memory", LENGTHS, CAUSAL, .dropout_p = 0.3f, .dropout_in_memory = true},
    {.head.name = "dropout-leftpad", LENGTHS, .dropout_p = 0.4f, .leftpad_k = INTS(3, 1, 14, 2),
     .free_q = INTS(2, 1, 0, 5)},
    {.head.name = "dropout-multi-query", LENGTHS, CAUSAL, .dropout_p = 0.4f, .q_heads = 6, .kv_heads = 1},
    {.head.name = "dropout-long-keys", .lens_q = INTS(2, 1), .lens_k = INTS(700, 515), .dropout_p = 0.3f},

    {.head.name = "dlse", BACKWARD, LENGTHS, .dlse = true},
    {.head.name = "dlse-causal", BACKWARD, LENGTHS, CAUSAL, .dlse = true},
    {.head.name = "dlse-rows-that-see-nothing", BACKWARD, .lens_q = INTS(60, 4), .lens_k = INTS(7, 0), CAUSAL,
     .dlse = true},
    {.head.name = "dlse-slots", BACKWARD, LENGTHS, WINDOW(20, 9), .leftpad_k = INTS(1, 0, 5, 0),
     .free_q = INTS(0, 3, 1, 0), .free_k = INTS(2, 0, 0, 7), .slack_q = 4, .slack_k = 3, .dlse = true},
    {.head.name = "dlse-small-batch", BACKWARD, .lens_q = INTS(9, 0, 30), .lens_k = INTS(9, 5, 20), CAUSAL,
     .kv_heads = 1, .dlse = true},
    {.head.name = "dlse-many-keys", BACKWARD, .lens_q = INTS(40, 300), .lens_k = INTS(700, 300), CAUSAL,
     .q_heads = 6, .kv_heads = 1, .dlse = true},
    {.head.name = "dlse-softcap", BACKWARD, LENGTHS, .softcap = 1.5f, .dlse = true},
    {.head.name = "dlse-alibi", BACKWARD, LENGTHS, CAUSAL, .slopes = SLOPES_PER_SEQUENCE, .dlse = true},
    {.head.name = "dlse-dropout", BACKWARD, LENGTHS, CAUSAL, .dropout_p = 0.4f, .dlse = true},
    {.head.name = "dlse-sinks", BACKWARD, LENGTHS, CAUSAL, .sinks = SINKS_ORDINARY, .dlse = true},
    {.head.name = "dlse-sinks-dominant", BACKWARD, LENGTHS, .sinks = SINKS_DOMINANT, .dlse = true},
    {.head.name = "dlse-sinks-rows-that-see-nothing", BACKWARD, .lens_q = INTS(60, 4), .lens_k = INTS(7, 0), CAUSAL,
     .sinks = SINKS_ORDINARY, .dlse = true},
    {.head.name = "dlse-everything", BACKWARD, LENGTHS, WINDOW(30, 4), .softmax_scale = 0.17f, .softcap = 3,
     .slopes = SLOPES_PER_SEQUENCE, .sinks = SINKS_ORDINARY, .dropout_p = 0.2f, .leftpad_k = INTS(1, 0, 5, 0),
     .free_q = INTS(0, 3, 1, 0), .free_k = INTS(2, 0, 0, 7), .slack_q = 4, .slack_k = 3, .dlse = true},

    {.head.name = "softcap-alibi", LENGTHS, .softcap = 2, .slopes = SLOPES_PER_HEAD},
    {.head.name = "softcap-sinks", LENGTHS, CAUSAL, .softcap = 2, .sinks = SINKS_ORDINARY},
    {.head.name = "alibi-sinks", LENGTHS, CAUSAL, .slopes = SLOPES_PER_HEAD, .sinks = SINKS_ORDINARY},
    {.head.name = "sinks-dropout", LENGTHS, CAUSAL, .sinks = SINKS_ORDINARY, .dropout_p = 0.2f},
    {.head.name = "everything", LENGTHS, WINDOW(30, 4), .softmax_scale = 0.17f, .softcap = 3,
     .slopes = SLOPES_PER_SEQUENCE, .sinks = SINKS_ORDINARY, .dropout_p = 0.2f, .leftpad_k = INTS(1, 0, 5, 0),
     .free_q = INTS(0, 3, 1, 0), .free_k = INTS(2, 0, 0, 7), .slack_q = 4, .slack_k = 3},
    {.head.name = "everything-top-left", LENGTHS, WINDOW(30, 4), TOP_LEFT, .softmax_scale = 0.17f, .softcap = 3,
     .slopes = SLOPES_PER_SEQUENCE, .sinks = SINKS_ORDINARY, .dropout_p = 0.2f, .leftpad_k = INTS(1, 0, 5, 0),
     .free_q = INTS(0, 3, 1, 0), .free_k = INTS(2, 0, 0, 7), .slack_q = 4, .slack_k = 3},
};
/* clang-format on */

const case_suite suite_features = {
    .name = "features",
    .passes = CASE_FORWARD | CASE_BACKWARD,
    CASE_ROWS(rows),
    .cost = attention_cost,
    .run = attention_run,
};
