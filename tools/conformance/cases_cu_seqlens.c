/* Cases of varlen_cu_seqlens. */
#include "cu_seqlens.h"

/* clang-format off */
static const cu_seqlens_case rows[] = {
    {.head.name = "no-sequences"},
    {.head.name = "one", .lengths = INTS(7)},
    {.head.name = "documented", .lengths = INTS(2, 3, 1)},
    {.head.name = "all-zero", .lengths = INTS(0, 0, 0, 0)},
    {.head.name = "some-zero", .lengths = INTS(0, 5, 0, 0, 9, 0)},
    {.head.name = "largest-sum", .lengths = INTS(2147483640, 0, 7)},
    {.head.name = "count-31", .random_count = 31, .random_below = 100},
    {.head.name = "count-32", .random_count = 32, .random_below = 100},
    {.head.name = "count-255", .random_count = 255, .random_below = 5000},
    {.head.name = "count-1024", .random_count = 1024, .random_below = 5000},
    {.head.name = "count-1025", .random_count = 1025, .random_below = 5000},
    {.head.name = "count-10007", .random_count = 10007, .random_below = 200000},
};
/* clang-format on */

const case_suite suite_cu_seqlens = {
    .name = "around/cu-seqlens",
    .one_dtype = true,
    CASE_ROWS(rows),
    .run = cu_seqlens_run,
};
