/* How the backward pass by warp groups cuts a call, in one sweep or in two. */
#ifndef VARLEN_GPU_HOST_GROUP_CUTS_H
#define VARLEN_GPU_HOST_GROUP_CUTS_H

#include "host/backward.h"
#include "host/group_backward_launch.h"
#include "host/group_layouts.h"
#include "host/instance_table.h"
#include "host/limits.h"
#include "host/make_problem.h"

inline int32_t chunk_queries_of(const varlen_attention &attention, const group_backward_shape &shape)
{
    return shape.chunk_rows / group_of(attention);
}

/* Chunks have whole queries. Where dq is not summed, tiles of keys find none. */
inline backward_cut group_backward_cut(const varlen_attention &attention, const group_backward_shape &shape,
                                       bool sums_dq)
{
    backward_cut cut = {};
    cut.tile_keys = shape.tile_keys;
    cut.chunk_rows = chunk_queries_of(attention, shape) * group_of(attention);
    cut.stored_rows = shape.chunk_rows;
    cut.head_dim = shape.head_dim;
    cut.sums_dq = sums_dq;
    cut.copied_rows = 1;
    return cut;
}

/* Of a family whose entry is MAKE's, bytes_of(entry) being what one instance asks for: no less than for smaller dims,
 * whose chunks may have more rows, nor than of small batches, which are multiplied in tiles of fewer keys. */
template <typename ENTRY, template <typename, int, int, bool> class MAKE, typename BYTES>
size_t group_workspace_of(const gpu_state &state, const varlen_attention &attention, BYTES bytes_of)
{
    size_t largest = backward_small_batch_workspace(state, attention);
    for (int n = 0; n < INSTANCE_COUNT; n++) {
        const bool general = INSTANCES[n].general;
        if (INSTANCES[n].dtype != attention.dtype || (general && !may_be_general(attention)) ||
            n > find_instance(attention.dtype, attention.head_dim, attention.value_dim, general))
            continue;
        const size_t bytes = bytes_of(INSTANCE_ENTRIES<ENTRY, MAKE>[n]);
        largest = bytes > largest ? bytes : largest;
    }
    return largest;
}

inline group_backward_tensors group_backward_tensors_of(const backward_arguments &args,
                                                        const varlen_attention &attention,
                                                        const group_backward_shape &shape)
{
    const gpu_problem &problem = args.problem;
    const int32_t queries = chunk_queries_of(attention, shape);
    const auto make = [&](int32_t key_rows, int32_t swizzle) {
        const group_boxes boxes = {queries, args.cut.chunk_rows, key_rows};
        return layout_maker{problem, attention.dtype, boxes, args.plan.header, swizzle};
    };
    const layout_maker heads = make(args.cut.tile_keys, shape.head_swizzle);
    const layout_maker values = make(args.cut.tile_keys, shape.value_swizzle);
    return {queries,
            heads.ended_queries(problem.q, problem.head_dim),
            values.ended_queries(args.dout, problem.value_dim),
            heads.keys(problem.k, 0, problem.head_dim),
            values.keys(problem.v, 0, problem.value_dim),
            heads.ended_queries(args.dq, problem.head_dim),
            make(TILE_ROWS, shape.head_swizzle).keys(args.dk, 0, problem.head_dim),
            make(TILE_ROWS, shape.value_swizzle).keys(args.dv, 0, problem.value_dim)};
}

#endif
