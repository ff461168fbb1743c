/* The calls around attention with one wrong element in their metadata. */
#ifndef VARLEN_TESTS_METADATA_AROUND_H
#define VARLEN_TESTS_METADATA_AROUND_H

#include "case.h"

typedef enum around_array {
    AROUND_LENGTHS = 0, /* of varlen_cu_seqlens */
    AROUND_PACK_CU_SEQLENS,
    AROUND_UNPACK_CU_SEQLENS,
    AROUND_APPEND_CU_SEQLENS_NEW,
    AROUND_APPEND_CU_SEQLENS_K,
    AROUND_APPEND_SEQUSED_K,
    AROUND_APPEND_LEFTPAD_K,
    AROUND_APPEND_PAGE_TABLE,
    AROUND_APPEND_POSITIONS /* no array: the rotary tables have `value` rows */
} around_array;

typedef struct around_case {
    case_head head;
    around_array array;
    bool paged;    /* of the append cases */
    int32_t index; /* of the wrong element */
    int32_t value;
    const char *words; /* that it must be told in */
} around_case;

void metadata_around_run(case_trial *trial, const void *row);

#endif
