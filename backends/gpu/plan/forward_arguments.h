/* What the kernels of the forward pass get: the call, its plan, and its pieces of the workspace. */
#ifndef VARLEN_GPU_FORWARD_ARGUMENTS_H
#define VARLEN_GPU_FORWARD_ARGUMENTS_H

#include "call/violation.h"
#include "plan/forward_plan.h"

struct forward_arguments {
    gpu_problem problem;
    gpu_plan plan;
    forward_policy policy;
    forward_item *items;
    gpu_tensor out;
    float *lse;             /* NULL: not wanted */
    float *partial_out;     /* [partial_limit][decode_tile_rows][value_dim]: see rows/partials.h */
    float *partial_maximum; /* [partial_limit][decode_tile_rows] */
    float *partial_sum;     /* [partial_limit][decode_tile_rows] */
    violation_mailbox mailbox;
    int32_t validate;
};

#endif
