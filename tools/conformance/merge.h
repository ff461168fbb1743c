/* varlen_merge on random partial results. */
#ifndef VARLEN_TESTS_MERGE_H
#define VARLEN_TESTS_MERGE_H

#include "case.h"

typedef struct merge_case {
    case_head head;
    int32_t parts;
    int32_t tokens;
    int32_t heads;
    int32_t value_dim;
    bool float32_parts; /* else the parts have the dtype of out */
    bool in_place;      /* out and lse are those of the last part */
    bool without_lse;
    int32_t empty_every; /* rows that saw nothing: each n-th row of each part, shifted from part to part; 1 = all */
    bool empty_is_plus;  /* such rows have lse = +infinity, and NaN for out */
    bool nan_lse;        /* of part 0, in row 0: then that row of the result is NaN */
    double lse_spread;   /* standard deviation of the parts' lse; 0 = 1 */
    bool extreme;        /* lse is one of +-FLT_MAX and 0, out is up to the largest numbers of its dtype */
    int32_t lse_gap;     /* floats between the parts' lse */
    tensor_layout layout;
} merge_case;

void merge_run(case_trial *trial, const void *row);

#endif
