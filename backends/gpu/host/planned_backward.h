/* What the families of the backward pass have in common: what their kernels get, and the plan of those that make one.
 */
#ifndef VARLEN_GPU_HOST_PLANNED_BACKWARD_H
#define VARLEN_GPU_HOST_PLANNED_BACKWARD_H

#include "host/state.h"
#include "plan/backward_arguments.h"

/* Whether tiles that add to a row's dq do so in order: then the sums are the same, whatever else is in the batch. */
bool adds_in_order(const varlen_attention &attention);

/* Whether no sequence has more than one tile of keys, as far as the host knows. */
bool has_one_tile_each(const varlen_attention &attention, const backward_cut &cut);

/* In bytes. */
size_t planned_backward_workspace(const varlen_attention &attention, const backward_cut &cut);

/* Hands out the call's workspace. */
backward_arguments make_backward_arguments(const gpu_state &state, const varlen_attention &attention,
                                           const varlen_backward_args &args, const gpu_problem &problem,
                                           const backward_cut &cut);

varlen_status launch_backward_plan(const gpu_state &state, varlen_stream stream, const backward_arguments &work);

#endif
