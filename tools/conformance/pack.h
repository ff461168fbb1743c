/* varlen_pack and varlen_unpack on a row's sequences. */
#ifndef VARLEN_TESTS_PACK_H
#define VARLEN_TESTS_PACK_H

#include "case.h"

typedef struct pack_case {
    case_head head;
    int_list lens;
    int_list leftpad;   /* given = leftpad is given */
    int32_t max_seqlen; /* 0 = what the sequences need */
    int32_t heads;
    int32_t dim;
    int32_t slack; /* packed rows past the last sequence */
    tensor_layout layout;
} pack_case;

/* Both tensors in device memory, ready to be handed over. */
typedef struct pack_call {
    case_trial *trial;
    block_list blocks;
    varlen_pack_args args;
    strided_tensor padded;
    strided_tensor packed;
} pack_call;

/* Of a row's sequences. */
typedef struct pack_metadata {
    int32_t *cu_seqlens;
    int32_t *leftpad; /* NULL = not given */
} pack_metadata;

pack_metadata pack_metadata_make(case_trial *trial, const pack_case *row);

/* One of the tensors is the input, and NaN in the rows of no sequence; the other is NULL here and the output. */
pack_call pack_prepare(case_trial *trial, const pack_case *row, const pack_metadata *metadata, const double *padded,
                       const double *packed);

void pack_run(case_trial *trial, const void *row);
void unpack_run(case_trial *trial, const void *row);

#endif
