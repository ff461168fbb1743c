/* Cases of heads and dims: every kind of grouping, every multiple of 8 that a kernel may treat on its own. */
#include "case.h"

#define LENGTHS .lens_q = INTS(33, 7, 50), .lens_k = INTS(33, 66, 40), .mask = VARLEN_MASK_CAUSAL
#define HEADS(q, kv) .q_heads = (q), .kv_heads = (kv)
#define DIMS(head, value) .head_dim = (head), .value_dim = (value), HEADS(2, 1)

/* clang-format off */
static const attention_case rows[] = {
    {.head.name = "heads-1-on-1", LENGTHS, HEADS(1, 1)},
    {.head.name = "heads-3-on-3", LENGTHS, HEADS(3, 3)},
    {.head.name = "group-3", LENGTHS, HEADS(6, 2)},
    {.head.name = "group-5", LENGTHS, HEADS(5, 1), .head_dim = 32},
    {.head.name = "group-6", LENGTHS, HEADS(12, 2), .head_dim = 32},
    {.head.name = "group-7", LENGTHS, HEADS(14, 2), .head_dim = 32},
    {.head.name = "group-16", LENGTHS, HEADS(32, 2), .head_dim = 16},
    {.head.name = "group-16-decode", .lens_q = INTS(1, 1, 1), .lens_k = INTS(40, 130, 1), HEADS(16, 1)},
    {.head.name = "group-7-decode", .lens_q = INTS(1, 2, 1), .lens_k = INTS(40, 130, 1), HEADS(21, 3),
     .mask = VARLEN_MASK_CAUSAL},
    {.head.name = "group-128", .lens_q = INTS(5, 1), .lens_k = INTS(9, 40), HEADS(128, 1), .head_dim = 16,
     .mask = VARLEN_MASK_CAUSAL},
    {.head.name = "group-128-long-keys", .lens_q = INTS(1), .lens_k = INTS(1030), HEADS(128, 1), .head_dim = 8},
    {.head.name = "group-9-long-keys", .lens_q = INTS(4), .lens_k = INTS(1100), HEADS(9, 1), .head_dim = 24,
     .mask = VARLEN_MASK_CAUSAL},
    {.head.name = "group-24", LENGTHS, HEADS(24, 1), .head_dim = 16},
    {.head.name = "dim-8", LENGTHS, DIMS(8, 0)},
    {.head.name = "dim-16", LENGTHS, DIMS(16, 0)},
    {.head.name = "dim-24", LENGTHS, DIMS(24, 0)},
    {.head.name = "dim-40", LENGTHS, DIMS(40, 0)},
    {.head.name = "dim-64", LENGTHS, DIMS(64, 0)},
    {.head.name = "dim-72", LENGTHS, DIMS(72, 0)},
    {.head.name = "dim-80", LENGTHS, DIMS(80, 0)},
    {.head.name = "dim-96", LENGTHS, DIMS(96, 0)},
    {.head.name = "dim-120", LENGTHS, DIMS(120, 0)},
    {.head.name = "dim-128", LENGTHS, DIMS(128, 0)},
    {.head.name = "dim-136", LENGTHS, DIMS(136, 0)},
    {.head.name = "dim-192", LENGTHS, DIMS(192, 0)},
    {.head.name = "dim-248", LENGTHS, DIMS(248, 0)},
    {.head.name = "dim-256", LENGTHS, DIMS(256, 0)},
    {.head.name = "dims-192-128", LENGTHS, DIMS(192, 128)},
    {.head.name = "dims-64-128", LENGTHS, DIMS(64, 128)},
    {.head.name = "dims-128-64", LENGTHS, DIMS(128, 64)},
    {.head.name = "dims-8-256", LENGTHS, DIMS(8, 256)},
    {.head.name = "dims-256-8", LENGTHS, DIMS(256, 8)},
    {.head.name = "dims-72-40", LENGTHS, DIMS(72, 40)},
    {.head.name = "dims-given-equal", LENGTHS, DIMS(64, 64)},
    {.head.name = "dim-192-short-tiles", .lens_q = INTS(34, 17, 64, 129), HEADS(2, 2), .head_dim = 192, .value_dim = 128},
    {.head.name = "dim-256-short-tiles", .lens_q = INTS(34, 17, 64, 129), HEADS(2, 2), .head_dim = 256},
    {.head.name = "dim-128-prefill", .lens_q = INTS(150), HEADS(2, 1), .head_dim = 128, .mask = VARLEN_MASK_CAUSAL},
};
/* clang-format on */

const case_suite suite_shapes = {
    .name = "shapes",
    .passes = CASE_FORWARD | CASE_BACKWARD,
    CASE_ROWS(rows),
    .cost = attention_cost,
    .run = attention_run,
};
