/* From the calls of backend.h to what kernels get. */
#ifndef VARLEN_GPU_HOST_MAKE_PROBLEM_H
#define VARLEN_GPU_HOST_MAKE_PROBLEM_H

#include "call/problem.h"
#include "plan/plan.h"

#include "host/workspace.h"

gpu_tensor make_gpu_tensor(const varlen_tensor &tensor, varlen_dtype dtype);

/* Strides in elements. */
gpu_tensor make_scales(const float *scales, int64_t token_stride, int64_t head_stride);

/* Of keys and values. */
inline varlen_dtype kv_dtype_of(const varlen_attention &attention)
{
    return attention.kv_dtype ? attention.kv_dtype : attention.dtype;
}

gpu_problem make_problem(const varlen_attention &attention, const varlen_inputs &inputs);

/* Whether scores need more than the multiplier and the mask: the GENERAL instances. */
bool problem_is_general(const gpu_problem &problem);

/* Whether that of some call is. */
bool may_be_general(const varlen_attention &attention);

/* Device memory for a plan. */
gpu_plan take_plan(workspace_cursor &cursor, const varlen_attention &attention, size_t partials);

/* The problem, with bounds where a plan has them if its rows have ranges of their own. */
gpu_problem with_bounds(const gpu_problem &problem, const gpu_plan &plan);

#endif
