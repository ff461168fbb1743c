/* Attention with one wrong element in its metadata. */
#ifndef VARLEN_TESTS_METADATA_H
#define VARLEN_TESTS_METADATA_H

#include "case.h"

typedef enum metadata_array {
    METADATA_NONE = 0, /* the arrays are right: a bound in the row is wrong */
    METADATA_CU_SEQLENS_Q,
    METADATA_CU_SEQLENS_K,
    METADATA_SEQUSED_Q,
    METADATA_SEQUSED_K,
    METADATA_LEFTPAD_K,
    METADATA_PAGE_TABLE,
    METADATA_LEFTPAD_Q,
    METADATA_KEY_BEGIN,
    METADATA_KEY_END,
    METADATA_KEY_STARTS
} metadata_array;

typedef enum metadata_problem {
    METADATA_PACKED = 0,
    METADATA_ALONE, /* one sequence */
    METADATA_MANY,  /* more sequences than a backend may have a short cut for */
    METADATA_PAGED,
    METADATA_QUERIES_PADDED, /* at the left of every slot, beside padding of keys */
    METADATA_LONG_TABLE,     /* a sequence has thousands of pages */
    METADATA_RANGES,
    METADATA_PAGED_RANGES,
    METADATA_TREE,   /* a sequence has more queries than a tree mask holds */
    METADATA_STARTED /* keys have starts, and queries positions */
} metadata_problem;

typedef struct metadata_case {
    case_head head;
    metadata_problem problem;
    metadata_array array;
    int32_t index; /* of the wrong element */
    int32_t value;
    int32_t max_seqlen_q; /* 0 = unknown */
    int32_t max_seqlen_k;
    const char *words; /* that it must be told in */
} metadata_case;

void metadata_run(case_trial *trial, const void *row);

#endif
