/* Cases of bad contents in cu_seqlens, lengths and page tables of attention; metadata.c has the two problems that they
 * are put into. */
#include "metadata.h"

#define PAGED .head.passes = CASE_FORWARD, .paged = true

/* clang-format off */
static const metadata_case rows[] = {
    {.head.name = "cu-seqlens-q-start", .array = METADATA_CU_SEQLENS_Q, .index = 0, .value = 1,
     .words = "cu_seqlens_q[0] = 1 is not 0"},
    {.head.name = "cu-seqlens-q-negative-start", .array = METADATA_CU_SEQLENS_Q, .index = 0, .value = -2,
     .words = "cu_seqlens_q[0] = -2 is not 0"},
    {.head.name = "cu-seqlens-q-decreases", .array = METADATA_CU_SEQLENS_Q, .index = 3, .value = 7,
     .words = "cu_seqlens_q[3] = 7 is below cu_seqlens_q[2] = 8"},
    {.head.name = "cu-seqlens-q-turns-negative", .array = METADATA_CU_SEQLENS_Q, .index = 3, .value = INT32_MIN,
     .words = "cu_seqlens_q[3] = -2147483648 is below cu_seqlens_q[2] = 8"},
    {.head.name = "cu-seqlens-q-past-total", .array = METADATA_CU_SEQLENS_Q, .index = 3, .value = 15,
     .words = "cu_seqlens_q[3] = 15 is above total_q = 14"},
    {.head.name = "cu-seqlens-q-far-past-total", .array = METADATA_CU_SEQLENS_Q, .index = 3, .value = INT32_MAX,
     .words = "cu_seqlens_q[3] = 2147483647 is above total_q = 14"},
    {.head.name = "cu-seqlens-k-start", .array = METADATA_CU_SEQLENS_K, .index = 0, .value = 1,
     .words = "cu_seqlens_k[0] = 1 is not 0"},
    {.head.name = "cu-seqlens-k-decreases", .array = METADATA_CU_SEQLENS_K, .index = 3, .value = 13,
     .words = "cu_seqlens_k[3] = 13 is below cu_seqlens_k[2] = 14"},
    {.head.name = "cu-seqlens-k-past-total", .array = METADATA_CU_SEQLENS_K, .index = 3, .value = 28,
     .words = "cu_seqlens_k[3] = 28 is above total_k = 27"},
    {.head.name = "cu-seqlens-k-far-past-total", .array = METADATA_CU_SEQLENS_K, .index = 3, .value = INT32_MAX,
     .words = "cu_seqlens_k[3] = 2147483647 is above total_k = 27"},
    {.head.name = "seqused-q-negative", .array = METADATA_SEQUSED_Q, .index = 1, .value = -1,
     .words = "seqused_q[1] = -1 is below 0"},
    {.head.name = "seqused-q-past-slot", .array = METADATA_SEQUSED_Q, .index = 2, .value = 5,
     .words = "seqused_q[2] = 5 is above the 4 rows of its slot"},
    {.head.name = "seqused-k-negative", .array = METADATA_SEQUSED_K, .index = 1, .value = -3,
     .words = "seqused_k[1] = -3 is below 0"},
    {.head.name = "seqused-k-past-slot", .array = METADATA_SEQUSED_K, .index = 2, .value = 11,
     .words = "seqused_k[2] = 11 is above the 10 rows of its slot"},
    {.head.name = "leftpad-k-negative", .array = METADATA_LEFTPAD_K, .index = 1, .value = -1,
     .words = "leftpad_k[1] = -1 is below 0"},
    {.head.name = "leftpad-k-past-used", .array = METADATA_LEFTPAD_K, .index = 0, .value = 7,
     .words = "leftpad_k[0] = 7 is above the 6 keys in use"},
    {.head.name = "max-seqlen-q-too-low", .max_seqlen_q = 3,
     .words = "sequence 1 has 4 queries, above max_seqlen_q = 3"},
    {.head.name = "max-seqlen-k-too-low", .max_seqlen_k = 6,
     .words = "sequence 2 has 7 keys, above max_seqlen_k = 6"},

    {.head.name = "page-too-high", PAGED, .array = METADATA_PAGE_TABLE, .index = 5, .value = 10,
     .words = "page_table[1][1] = 10 is not a page: page_count = 10"},
    {.head.name = "page-negative", PAGED, .array = METADATA_PAGE_TABLE, .index = 0, .value = -1,
     .words = "page_table[0][0] = -1 is not a page: page_count = 10"},
    {.head.name = "page-far-too-high", PAGED, .array = METADATA_PAGE_TABLE, .index = 10, .value = INT32_MAX,
     .words = "page_table[2][2] = 2147483647 is not a page: page_count = 10"},
    {.head.name = "paged-seqused-k-negative", PAGED, .array = METADATA_SEQUSED_K, .index = 1, .value = INT32_MIN,
     .words = "seqused_k[1] = -2147483648 is below 0"},
    {.head.name = "paged-seqused-k-past-slot", PAGED, .array = METADATA_SEQUSED_K, .index = 0, .value = 17,
     .words = "seqused_k[0] = 17 is above the 16 rows of its slot"},
    {.head.name = "paged-seqused-k-reaches-an-unset-entry", PAGED, .array = METADATA_SEQUSED_K, .index = 0, .value = 9,
     .words = "page_table[0][2] = -1 is not a page: page_count = 10"},
    {.head.name = "paged-leftpad-k-past-used", PAGED, .array = METADATA_LEFTPAD_K, .index = 2, .value = 10,
     .words = "leftpad_k[2] = 10 is above the 9 keys in use"},
    {.head.name = "paged-cu-seqlens-q-decreases", PAGED, .array = METADATA_CU_SEQLENS_Q, .index = 3, .value = 0,
     .words = "cu_seqlens_q[3] = 0 is below cu_seqlens_q[2] = 8"},
    {.head.name = "paged-max-seqlen-k-too-low", PAGED, .max_seqlen_k = 6,
     .words = "sequence 2 has 7 keys, above max_seqlen_k = 6"},
};
/* clang-format on */

const case_suite suite_metadata = {
    .name = "metadata",
    .passes = CASE_FORWARD | CASE_BACKWARD,
    .one_dtype = true,
    CASE_ROWS(rows),
    .run = metadata_run,
};
