/* The calls around attention with one wrong element in their metadata. */
#ifndef VARLEN_TESTS_METADATA_AROUND_H
#define VARLEN_TESTS_METADATA_AROUND_H

#include "case.h"

typedef enum around_array {
    AROUND_LENGTHS = 0, /* of varlen_cu_seqlens */
    AROUND_PACK_CU_SEQLENS,
    AROUND_UNPACK_CU_SEQLENS,
    AROUND_PACK_LEFTPAD,
    AROUND_UNPACK_LEFTPAD,
    AROUND_APPEND_CU_SEQLENS_NEW,
    AROUND_APPEND_CU_SEQLENS_K,
    AROUND_APPEND_SEQUSED_K,
    AROUND_APPEND_LEFTPAD_K,
    AROUND_APPEND_PAGE_TABLE,
    AROUND_APPEND_POSITIONS /* no array: the rotary tables have `value` rows */
} around_array;

/* Of the append cases. */
typedef enum around_problem {
    AROUND_PACKED = 0,
    AROUND_PACKED_IN_PLACE, /* seqused_k_out is seqused_k */
    AROUND_PAGED,
    AROUND_PAGED_IN_PLACE,
    AROUND_LONG_TABLE /* new rows of a sequence go to hundreds of pages */
} around_problem;

typedef struct around_case {
    case_head head;
    around_array array;
    around_problem problem;
    int32_t index; /* of the wrong element */
    int32_t value;
    const char *words; /* that it must be told in */
} around_case;

void metadata_around_run(case_trial *trial, const void *row);

#endif
