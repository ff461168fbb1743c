/* varlen_pack and varlen_unpack on elements of any size, compared byte by byte. */
#ifndef VARLEN_TESTS_PACK_BYTES_H
#define VARLEN_TESTS_PACK_BYTES_H

#include "case.h"

typedef struct pack_bytes_case {
    case_head head;
    int_list lens;
    int_list leftpad; /* given = leftpad is given */
    int32_t element_size;
    int32_t max_seqlen; /* 0 = what the sequences need */
    int32_t heads;      /* 0 = 1 */
    int32_t dim;
    int32_t slack;    /* packed rows past the last sequence */
    int32_t head_gap; /* elements between heads, tokens, padded rows; with a token gap, strides are given */
    int32_t token_gap;
    int32_t row_gap;
    int32_t padded_shift; /* elements before the first one */
    int32_t packed_shift;
} pack_bytes_case;

void pack_bytes_run(case_trial *trial, const void *row);
void unpack_bytes_run(case_trial *trial, const void *row);

#endif
