/* Cases of bad contents in the metadata of the calls around attention; metadata_around.c has the problems that they are
 * put into. */
#include "metadata_around.h"

#define APPEND_PAGED .problem = AROUND_PAGED

/* clang-format off */
static const around_case rows[] = {
    {.head.name = "lengths-negative", .array = AROUND_LENGTHS, .index = 3, .value = -1,
     .words = "lengths[3] = -1 is below 0"},
    {.head.name = "lengths-overflow", .array = AROUND_LENGTHS, .index = 3, .value = 45,
     .words = "the sum of lengths[0] .. lengths[3] is above 2147483647"},

    {.head.name = "pack-start", .array = AROUND_PACK_CU_SEQLENS, .index = 0, .value = 1,
     .words = "cu_seqlens[0] = 1 is not 0"},
    {.head.name = "pack-decreases", .array = AROUND_PACK_CU_SEQLENS, .index = 3, .value = 3,
     .words = "cu_seqlens[3] = 3 is below cu_seqlens[2] = 4"},
    {.head.name = "pack-past-total", .array = AROUND_PACK_CU_SEQLENS, .index = 3, .value = 14,
     .words = "cu_seqlens[3] = 14 is above total = 13"},
    {.head.name = "pack-longer-than-max-seqlen", .array = AROUND_PACK_CU_SEQLENS, .index = 3, .value = 11,
     .words = "sequence 2 has 7 tokens, above max_seqlen = 6"},
    {.head.name = "unpack-start", .array = AROUND_UNPACK_CU_SEQLENS, .index = 0, .value = -1,
     .words = "cu_seqlens[0] = -1 is not 0"},
    {.head.name = "unpack-past-total", .array = AROUND_UNPACK_CU_SEQLENS, .index = 3, .value = INT32_MAX,
     .words = "cu_seqlens[3] = 2147483647 is above total = 13"},
    {.head.name = "unpack-longer-than-max-seqlen", .array = AROUND_UNPACK_CU_SEQLENS, .index = 3, .value = 12,
     .words = "sequence 2 has 8 tokens, above max_seqlen = 6"},

    {.head.name = "pack-leftpad-negative", .array = AROUND_PACK_LEFTPAD, .index = 1, .value = -1,
     .words = "leftpad[1] = -1 is below 0"},
    {.head.name = "pack-leftpad-past-max-seqlen", .array = AROUND_PACK_LEFTPAD, .index = 2, .value = 3,
     .words = "sequence 2 has 9 tokens, padding before them included, above max_seqlen = 8"},
    {.head.name = "pack-leftpad-far-past-max-seqlen", .array = AROUND_PACK_LEFTPAD, .index = 0, .value = INT32_MAX,
     .words = "sequence 0 has 2147483651 tokens, padding before them included, above max_seqlen = 8"},
    {.head.name = "pack-leftpad-of-an-empty-sequence", .array = AROUND_PACK_LEFTPAD, .index = 1, .value = 9,
     .words = "sequence 1 has 9 tokens, padding before them included, above max_seqlen = 8"},
    {.head.name = "unpack-leftpad-negative", .array = AROUND_UNPACK_LEFTPAD, .index = 0, .value = INT32_MIN,
     .words = "leftpad[0] = -2147483648 is below 0"},
    {.head.name = "unpack-leftpad-past-max-seqlen", .array = AROUND_UNPACK_LEFTPAD, .index = 0, .value = 5,
     .words = "sequence 0 has 9 tokens, padding before them included, above max_seqlen = 8"},

    {.head.name = "append-new-start", .array = AROUND_APPEND_CU_SEQLENS_NEW, .index = 0, .value = 1,
     .words = "cu_seqlens_new[0] = 1 is not 0"},
    {.head.name = "append-new-decreases", .array = AROUND_APPEND_CU_SEQLENS_NEW, .index = 3, .value = 1,
     .words = "cu_seqlens_new[3] = 1 is below cu_seqlens_new[2] = 2"},
    {.head.name = "append-new-past-total", .array = AROUND_APPEND_CU_SEQLENS_NEW, .index = 3, .value = 7,
     .words = "cu_seqlens_new[3] = 7 is above total_new = 6"},
    {.head.name = "append-slots-past-total", .array = AROUND_APPEND_CU_SEQLENS_K, .index = 3, .value = 20,
     .words = "cu_seqlens_k[3] = 20 is above total_k = 19"},
    {.head.name = "append-used-negative", .array = AROUND_APPEND_SEQUSED_K, .index = 1, .value = -1,
     .words = "seqused_k[1] = -1 is below 0"},
    {.head.name = "append-used-past-slot", .array = AROUND_APPEND_SEQUSED_K, .index = 1, .value = 5,
     .words = "seqused_k[1] = 5 is above the 4 rows of its slot"},
    {.head.name = "append-past-slot", .array = AROUND_APPEND_SEQUSED_K, .index = 0, .value = 5,
     .words = "sequence 0 would have 7 keys, above the 6 rows of its slot"},
    {.head.name = "append-leftpad-past-used", .array = AROUND_APPEND_LEFTPAD_K, .index = 2, .value = 2,
     .words = "leftpad_k[2] = 2 is above the 1 keys in use"},
    {.head.name = "append-positions", .array = AROUND_APPEND_POSITIONS, .value = 3,
     .words = "sequence 0 needs rotary position 3, but rotary_positions = 3"},
    {.head.name = "append-paged-page-too-high", APPEND_PAGED, .array = AROUND_APPEND_PAGE_TABLE, .index = 2, .value = 10,
     .words = "page_table[0][2] = 10 is not a page: page_count = 10"},
    {.head.name = "append-paged-page-negative", APPEND_PAGED, .array = AROUND_APPEND_PAGE_TABLE, .index = 7,
     .value = -4,
     .words = "page_table[2][1] = -4 is not a page: page_count = 10"},
    {.head.name = "append-paged-past-slot", APPEND_PAGED, .array = AROUND_APPEND_SEQUSED_K, .index = 2, .value = 4,
     .words = "sequence 2 would have 7 keys, above the 6 keys that its row of page_table holds (page_table_width = 3 x "
              "page_size = 2)"},
    {.head.name = "append-in-place-past-slot", .problem = AROUND_PACKED_IN_PLACE, .array = AROUND_APPEND_SEQUSED_K,
     .index = 0, .value = 5,
     .words = "sequence 0 would have 7 keys, above the 6 rows of its slot"},
    {.head.name = "append-paged-in-place-page", .problem = AROUND_PAGED_IN_PLACE, .array = AROUND_APPEND_PAGE_TABLE,
     .index = 2, .value = 10,
     .words = "page_table[0][2] = 10 is not a page: page_count = 10"},
    {.head.name = "append-far-down-a-long-row", .problem = AROUND_LONG_TABLE, .array = AROUND_APPEND_PAGE_TABLE,
     .index = 2100 + 2050, .value = 2107,
     .words = "page_table[1][2050] = 2107 is not a page: page_count = 2107"},
};
/* clang-format on */

const case_suite suite_metadata_around = {
    .name = "metadata/around",
    .one_dtype = true,
    CASE_ROWS(rows),
    .run = metadata_around_run,
};
