/* Cases of masks: causal and windows, on both alignments, with more queries than keys and fewer. */
#include "case.h"

/* Square, more keys, more queries, none, and lengths that no tile divides. */
#define LENGTHS .lens_q = INTS(40, 20, 75, 1, 9, 66), .lens_k = INTS(40, 70, 30, 50, 0, 65)
#define TOP_LEFT .alignment = VARLEN_ALIGN_TOP_LEFT
#define WINDOW(left, right) .mask = VARLEN_MASK_WINDOW, .window_left = (left), .window_right = (right)
#define OPEN VARLEN_UNBOUNDED

/* clang-format off */
static const attention_case rows[] = {
    {.head.name = "full", LENGTHS},
    {.head.name = "full-top-left", LENGTHS, TOP_LEFT},
    {.head.name = "causal", LENGTHS, .mask = VARLEN_MASK_CAUSAL},
    {.head.name = "causal-top-left", LENGTHS, .mask = VARLEN_MASK_CAUSAL, TOP_LEFT},
    {.head.name = "full-sides-unbounded", LENGTHS, .window_left = OPEN, .window_right = OPEN},
    {.head.name = "causal-sides-unbounded", LENGTHS, .mask = VARLEN_MASK_CAUSAL, .window_left = OPEN,
     .window_right = OPEN},
    {.head.name = "causal-left-window", LENGTHS, .mask = VARLEN_MASK_CAUSAL, .window_left = 16},
    {.head.name = "causal-left-window-top-left", LENGTHS, .mask = VARLEN_MASK_CAUSAL, .window_left = 1,
     .window_right = OPEN, TOP_LEFT},
    {.head.name = "causal-drawing", .lens_q = INTS(2, 5), .lens_k = INTS(5, 2), .mask = VARLEN_MASK_CAUSAL},
    {.head.name = "causal-drawing-top-left", .lens_q = INTS(2, 5), .lens_k = INTS(5, 2),
     .mask = VARLEN_MASK_CAUSAL, TOP_LEFT},
    {.head.name = "window-drawing", .lens_q = INTS(2, 5), .lens_k = INTS(5, 2), WINDOW(1, 1)},
    {.head.name = "window-drawing-top-left", .lens_q = INTS(2, 5), .lens_k = INTS(5, 2), WINDOW(1, 1), TOP_LEFT},
    {.head.name = "window", LENGTHS, WINDOW(7, 3)},
    {.head.name = "window-top-left", LENGTHS, WINDOW(7, 3), TOP_LEFT},
    {.head.name = "window-past-all-keys-top-left", .lens_q = INTS(400), .lens_k = INTS(300), WINDOW(10, 2), TOP_LEFT},
    {.head.name = "window-itself-alone", LENGTHS, WINDOW(0, 0)},
    {.head.name = "window-itself-alone-top-left", LENGTHS, WINDOW(0, 0), TOP_LEFT},
    {.head.name = "window-causal", LENGTHS, WINDOW(16, 0)},
    {.head.name = "window-causal-top-left", LENGTHS, WINDOW(16, 0), TOP_LEFT},
    {.head.name = "window-ahead", LENGTHS, WINDOW(0, 16)},
    {.head.name = "window-ahead-top-left", LENGTHS, WINDOW(0, 16), TOP_LEFT},
    {.head.name = "window-open-left", LENGTHS, WINDOW(OPEN, 5)},
    {.head.name = "window-open-left-top-left", LENGTHS, WINDOW(OPEN, 5), TOP_LEFT},
    {.head.name = "window-open-right", LENGTHS, WINDOW(5, OPEN)},
    {.head.name = "window-open-right-top-left", LENGTHS, WINDOW(5, OPEN), TOP_LEFT},
    {.head.name = "window-open-left-none-ahead", LENGTHS, WINDOW(OPEN, 0)},
    {.head.name = "window-open-left-none-ahead-top-left", LENGTHS, WINDOW(OPEN, 0), TOP_LEFT},
    {.head.name = "window-open-right-none-behind", LENGTHS, WINDOW(0, OPEN)},
    {.head.name = "window-open-right-none-behind-top-left", LENGTHS, WINDOW(0, OPEN), TOP_LEFT},
    {.head.name = "window-open-both", LENGTHS, WINDOW(OPEN, OPEN)},
    {.head.name = "window-of-a-tile", LENGTHS, WINDOW(63, 64)},
    {.head.name = "window-wider-than-everything", LENGTHS, WINDOW(INT32_MAX, INT32_MAX)},
    {.head.name = "window-wider-than-everything-top-left", LENGTHS, WINDOW(INT32_MAX, INT32_MAX), TOP_LEFT},
    {.head.name = "window-far-along-a-long-sequence", .lens_q = INTS(3, 130), .lens_k = INTS(900, 330), WINDOW(20, 2)},
    {.head.name = "rows-that-see-nothing", .lens_q = INTS(80, 60), .lens_k = INTS(10, 5), WINDOW(3, 2)},
    {.head.name = "rows-that-see-nothing-top-left", .lens_q = INTS(80, 60), .lens_k = INTS(10, 5), WINDOW(3, 2),
     TOP_LEFT},
    {.head.name = "a-whole-tile-sees-nothing", .lens_q = INTS(200), .lens_k = INTS(6), .mask = VARLEN_MASK_CAUSAL},
    {.head.name = "causal-with-slots", LENGTHS, .free_q = INTS(1, 2, 3, 4, 5, 6), .free_k = INTS(6, 5, 4, 3, 2, 1),
     .leftpad_k = INTS(1, 0, 2, 0, 3, 0), .mask = VARLEN_MASK_CAUSAL},
    {.head.name = "window-with-slots", LENGTHS, .free_q = INTS(1, 2, 3, 4, 5, 6), .free_k = INTS(6, 5, 4, 3, 2, 1),
     .leftpad_k = INTS(1, 0, 2, 0, 3, 0), WINDOW(11, 6)},
};
/* clang-format on */

const case_suite suite_masks = {
    .name = "masks",
    .passes = CASE_FORWARD | CASE_BACKWARD,
    CASE_ROWS(rows),
    .cost = attention_cost,
    .run = attention_run,
};
