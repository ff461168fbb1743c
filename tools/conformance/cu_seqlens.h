/* varlen_cu_seqlens on a row's lengths. */
#ifndef VARLEN_TESTS_CU_SEQLENS_H
#define VARLEN_TESTS_CU_SEQLENS_H

#include "case.h"

typedef struct cu_seqlens_case {
    case_head head;
    int_list lengths;
    int32_t random_count; /* or this many random lengths, */
    int32_t random_below; /* each below this */
} cu_seqlens_case;

typedef struct cu_seqlens_call {
    block_list blocks;
    int32_t batch;
    device_block *lengths;
    device_block *cu_seqlens;
} cu_seqlens_call;

cu_seqlens_call cu_seqlens_prepare(case_trial *trial, const int32_t *lengths, int32_t batch);
varlen_status cu_seqlens_submit(const cu_seqlens_call *call);

void cu_seqlens_run(case_trial *trial, const void *row);

#endif
