/* The calls that are tested. */
#ifndef VARLEN_TESTS_GPU_OPERATIONS_H
#define VARLEN_TESTS_GPU_OPERATIONS_H

#include "workload.h"

extern const operation forward_packed;
extern const operation forward_small;
extern const operation forward_dropout; /* seed and offset come from device memory; sinks */
extern const operation forward_paged;   /* decoding */
extern const operation backward_packed;
extern const operation backward_small;
extern const operation backward_repeatable;
extern const operation backward_dropout;
extern const operation merge_parts;
extern const operation append_packed;
extern const operation append_paged; /* seqused_k is changed in place */
extern const operation sum_lengths;
extern const operation pack_rows;
extern const operation unpack_rows;

#endif
