/* What the families of the forward pass have in common: what their kernels get, and the plan of those that make one. */
#ifndef VARLEN_GPU_HOST_PLANNED_FORWARD_H
#define VARLEN_GPU_HOST_PLANNED_FORWARD_H

#include "host/state.h"
#include "host/workspace.h"
#include "plan/forward_arguments.h"

/* What kernels on a device make of a batch: see forward_policy. */
struct forward_sizes {
    int32_t tile_rows;
    int32_t decode_tile_rows;
    int32_t wanted_items;
    int32_t decode_rows = DECODE_ROWS; /* of a sequence that is decoded, at most */
    int32_t partial_tile_rows =
        DECODE_TILE_ROWS; /* no more than decode_tile_rows: what partial results are counted by */
};

/* All but what is in the workspace. */
forward_arguments make_forward_arguments(const gpu_state &state, const varlen_attention &attention,
                                         const varlen_forward_args &args, const gpu_problem &problem,
                                         const forward_sizes &sizes);

/* In bytes. */
size_t planned_forward_workspace(const varlen_attention &attention, const forward_sizes &sizes);

/* Hands out the call's workspace to `arguments`, and launches the plan. */
varlen_status launch_forward_plan(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                                  const forward_sizes &sizes, void *workspace, forward_arguments &arguments);

/* A plan of tiles of rows alone, whose keys are not split, for whatever pass goes through them. The same call with no
 * base measures its part of the workspace. */
forward_arguments take_row_plan(workspace_cursor &cursor, const varlen_attention &attention, const gpu_problem &problem,
                                int32_t tile_rows);

varlen_status launch_row_plan(const gpu_state &state, varlen_stream stream, const forward_arguments &arguments);

#endif
