#include "host/group_backward.h"

#include "group_tuning.h"
#include "host/backward.h"
#include "host/group_layouts.h"
#include "host/group_sweeps_launch.h"
#include "host/instance_table.h"
#include "host/make_problem.h"
#include "host/planned_backward.h"
#include "host/planned_forward.h"

namespace
{

/* Heads of a group from which dq has a sweep of its own: seven products in place of five, but no sums in memory, of
 * which tiles of keys would make one for each head. */
constexpr int32_t TWO_SWEEPS_FROM = 2;

struct group_sweeps_entry {
    group_sweeps_shape (*shape)(); /* NULL: a size that has one sweep */
    varlen_status (*launch)(const gpu_state &state, varlen_stream stream, const backward_arguments &args,
                            const group_backward_tensors &tensors, const forward_arguments &rows,
                            const group_dq_tensors &dq_tensors);
};

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL> constexpr group_sweeps_entry make_sweeps_entry()
{
    if constexpr (has_two_sweeps(HEAD_DIM, VALUE_DIM, GENERAL))
        return {group_sweeps_shape_of<T, HEAD_DIM, VALUE_DIM, GENERAL>,
                group_sweeps_launch<T, HEAD_DIM, VALUE_DIM, GENERAL>};
    else
        return {nullptr, nullptr};
}

struct group_backward_entry {
    group_backward_shape (*shape)();
    varlen_status (*launch)(const gpu_state &state, varlen_stream stream, const backward_arguments &args,
                            const group_backward_tensors &tensors);
    group_sweeps_entry sweeps;
};

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL> struct make_group_backward_entry {
    static constexpr group_backward_entry entry = {group_backward_shape_of<T, HEAD_DIM, VALUE_DIM, GENERAL>,
                                                   group_backward_launch<T, HEAD_DIM, VALUE_DIM, GENERAL>,
                                                   make_sweeps_entry<T, HEAD_DIM, VALUE_DIM, GENERAL>()};
};

const group_backward_entry &find_entry(const varlen_attention &attention, bool general)
{
    return instance_entry<group_backward_entry, make_group_backward_entry>(attention, general);
}

int32_t group_of(const varlen_attention &attention)
{
    return attention.q_heads / attention.kv_heads;
}

bool takes_two_sweeps(const varlen_attention &attention, const group_backward_entry &entry)
{
    return entry.sweeps.shape && group_of(attention) >= TWO_SWEEPS_FROM;
}

int32_t chunk_queries_of(const varlen_attention &attention, const group_backward_shape &shape)
{
    return shape.chunk_rows / group_of(attention);
}

/* Chunks have whole queries. */
backward_cut cut_of(const varlen_attention &attention, const group_backward_shape &shape, int32_t dq_parts)
{
    backward_cut cut = {};
    cut.tile_keys = shape.tile_keys;
    cut.chunk_rows = chunk_queries_of(attention, shape) * group_of(attention);
    cut.stored_rows = shape.chunk_rows;
    cut.head_dim = shape.head_dim;
    cut.dq_parts = dq_parts;
    cut.copied_rows = 1;
    return cut;
}

/* Rows of an item of the sweep for dq: a tile for each group, of whole queries. */
int32_t row_tile_of(const varlen_attention &attention, const group_sweeps_shape &shape)
{
    return shape.dq_groups * (TILE_ROWS / group_of(attention) * group_of(attention));
}

/* What one kernel, or two, need of the workspace. */
size_t entry_workspace(const varlen_attention &attention, const group_backward_entry &entry)
{
    if (!takes_two_sweeps(attention, entry))
        return planned_backward_workspace(attention, cut_of(attention, entry.shape(), entry.shape().groups));
    workspace_cursor cursor = {};
    cursor.used = planned_backward_workspace(attention, cut_of(attention, entry.sweeps.shape().keys, 0));
    take_row_plan(cursor, attention, {}, row_tile_of(attention, entry.sweeps.shape()));
    return cursor.used;
}

/* No less than for smaller dims, whose chunks may have more rows. */
size_t workspace_of(const varlen_attention &attention, bool general)
{
    const int found = find_instance(attention.dtype, attention.head_dim, attention.value_dim, general);
    size_t largest = 0;
    for (int n = 0; n <= found && n < INSTANCE_COUNT; n++) {
        if (INSTANCES[n].dtype != attention.dtype || INSTANCES[n].general != general)
            continue;
        const group_backward_entry &entry = INSTANCE_ENTRIES<group_backward_entry, make_group_backward_entry>[n];
        const size_t bytes = entry_workspace(attention, entry);
        largest = bytes > largest ? bytes : largest;
    }
    return largest;
}

group_backward_tensors tensors_of(const backward_arguments &args, const varlen_attention &attention,
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

group_dq_tensors dq_tensors_of(const backward_arguments &args, const varlen_attention &attention,
                               const group_sweeps_shape &shape)
{
    const gpu_problem &problem = args.problem;
    const int32_t queries = TILE_ROWS / group_of(attention);
    const group_boxes boxes = {queries, queries * group_of(attention), shape.dq_chunk_keys};
    const layout_maker make = {problem, attention.dtype, boxes, args.plan.header};
    return {boxes,
            make.queries(problem.q, problem.head_dim),
            make.queries(args.dout, problem.value_dim),
            make.keys(problem.k, 0, problem.head_dim),
            make.keys(problem.v, 0, problem.value_dim),
            make.ended_queries(args.dq, problem.head_dim)};
}

varlen_status launch_one_sweep(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                               const varlen_backward_args &args, const gpu_problem &problem,
                               const group_backward_entry &kernel)
{
    const group_backward_shape shape = kernel.shape();
    const backward_arguments work =
        make_backward_arguments(state, attention, args, problem, cut_of(attention, shape, shape.groups));
    const varlen_status status = launch_backward_plan(state, stream, work);
    return status == VARLEN_OK ? kernel.launch(state, stream, work, tensors_of(work, attention, shape)) : status;
}

varlen_status launch_two_sweeps(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                                const varlen_backward_args &args, const gpu_problem &problem,
                                const group_sweeps_entry &kernels)
{
    const group_sweeps_shape shape = kernels.shape();
    const backward_cut cut = cut_of(attention, shape.keys, 0);
    const backward_arguments work = make_backward_arguments(state, attention, args, problem, cut);
    workspace_cursor behind = {(char *)args.workspace, planned_backward_workspace(attention, cut)};
    forward_arguments rows = take_row_plan(behind, attention, problem, row_tile_of(attention, shape));
    rows.validate = state.validate;
    varlen_status status = launch_backward_plan(state, stream, work);
    if (status == VARLEN_OK)
        status = launch_row_plan(state, stream, rows);
    if (status != VARLEN_OK)
        return status;
    return kernels.launch(state, stream, work, tensors_of(work, attention, shape.keys), rows,
                          dq_tensors_of(work, attention, shape));
}

} // namespace

bool warp_groups_take_backward(const gpu_state &, const varlen_attention &attention, family_reason *why)
{
    const int32_t group = group_of(attention);
    if (group > TILE_ROWS)
        return declines(why, "q_heads / kv_heads = %d is above %d", group, TILE_ROWS);
    if (attention.features & VARLEN_FEATURE_EXPANDED)
        return declines(why, "strides may be 0, which tensor copies do not take");
    return true;
}

/* No less than of small batches, which are multiplied in tiles of fewer keys. */
size_t warp_groups_backward_workspace(const gpu_state &state, const varlen_attention &attention)
{
    const size_t plain = workspace_of(attention, false);
    const size_t general = may_be_general(attention) ? workspace_of(attention, true) : 0;
    const size_t small = backward_small_batch_workspace(state, attention);
    const size_t own = plain > general ? plain : general;
    return own > small ? own : small;
}

varlen_status backward_warp_groups(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                                   const varlen_backward_args &args)
{
    const gpu_problem problem = make_problem(attention, *args.inputs);
    const group_backward_entry &kernel = find_entry(attention, problem_is_general(problem));
    if (takes_two_sweeps(attention, kernel))
        return launch_two_sweeps(state, stream, attention, args, problem, kernel.sweeps);
    return launch_one_sweep(state, stream, attention, args, problem, kernel);
}
