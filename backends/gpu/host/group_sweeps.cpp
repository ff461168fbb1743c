#include "host/group_sweeps.h"

#include "group_tuning.h"
#include "host/backward.h"
#include "host/group_backward.h"
#include "host/group_cuts.h"
#include "host/group_sweeps_launch.h"
#include "host/instance_table.h"
#include "host/make_problem.h"
#include "host/planned_backward.h"
#include "host/planned_forward.h"

namespace
{

/* Heads that share keys, from which seven products in place of five take less time than sums of dq in memory; sums that
 * are made in order take more from the first. */
constexpr int32_t TWO_SWEEPS_FROM = 2;

struct group_sweeps_entry {
    group_sweeps_shape (*shape)(); /* NULL: a size that has one sweep */
    varlen_status (*launch)(const gpu_state &state, varlen_stream stream, const backward_arguments &args,
                            const group_backward_tensors &tensors, const forward_arguments &rows,
                            const group_dq_tensors &dq_tensors);
};

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL> constexpr group_sweeps_entry make_entry()
{
    if constexpr (has_two_sweeps(HEAD_DIM, VALUE_DIM, GENERAL))
        return {group_sweeps_shape_of<T, HEAD_DIM, VALUE_DIM, GENERAL>,
                group_sweeps_launch<T, HEAD_DIM, VALUE_DIM, GENERAL>};
    else
        return {nullptr, nullptr};
}

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL> struct make_group_sweeps_entry {
    static constexpr group_sweeps_entry entry = make_entry<T, HEAD_DIM, VALUE_DIM, GENERAL>();
};

const group_sweeps_entry &find_entry(const varlen_attention &attention, bool general)
{
    return instance_entry<group_sweeps_entry, make_group_sweeps_entry>(attention, general);
}

backward_cut key_sweep_cut(const varlen_attention &attention, const group_sweeps_shape &shape)
{
    return group_backward_cut(attention, shape.keys, false);
}

/* Rows of an item of the sweep for dq: a tile for each group, of whole queries. */
int32_t row_tile_of(const varlen_attention &attention, const group_sweeps_shape &shape)
{
    return shape.dq_groups * (TILE_ROWS / group_of(attention) * group_of(attention));
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

} // namespace

bool group_sweeps_take_backward(const gpu_state &state, const varlen_attention &attention, family_reason *why)
{
    if (!warp_groups_take_backward(state, attention, why))
        return false;
    if (group_of(attention) < TWO_SWEEPS_FROM && !adds_in_order(attention))
        return declines(why, "q_heads / kv_heads = %d is below %d, and dq may be summed in any order",
                        group_of(attention), TWO_SWEEPS_FROM);
    if (!find_entry(attention, false).shape || !find_entry(attention, true).shape)
        return declines(why, "head_dim = %d with value_dim = %d is too large for sums of both sweeps",
                        attention.head_dim, attention.value_dim);
    return true;
}

size_t group_sweeps_backward_workspace(const gpu_state &state, const varlen_attention &attention)
{
    return group_workspace_of<group_sweeps_entry, make_group_sweeps_entry>(
        state, attention, [&](const group_sweeps_entry &entry) {
            const group_sweeps_shape shape = entry.shape();
            const size_t of_keys = planned_backward_workspace(attention, key_sweep_cut(attention, shape));
            workspace_cursor cursor = {nullptr, of_keys};
            take_row_plan(cursor, attention, {}, row_tile_of(attention, shape));
            return cursor.used;
        });
}

varlen_status backward_group_sweeps(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                                    const varlen_backward_args &args)
{
    const gpu_problem problem = make_problem(attention, *args.inputs);
    const group_sweeps_entry &kernels = find_entry(attention, problem_is_general(problem));
    const group_sweeps_shape shape = kernels.shape();
    const backward_cut cut = key_sweep_cut(attention, shape);
    const backward_arguments work = make_backward_arguments(state, attention, args, problem, cut);
    workspace_cursor behind = {(char *)args.workspace, planned_backward_workspace(attention, cut)};
    forward_arguments rows = take_row_plan(behind, attention, problem, row_tile_of(attention, shape));
    rows.validate = state.validate;
    rows.plan.other_blocks = work.plan.other_blocks;
    varlen_status status = launch_backward_plan(state, stream, work);
    if (status == VARLEN_OK)
        status = launch_row_plan(state, stream, rows);
    if (status != VARLEN_OK)
        return status;
    return kernels.launch(state, stream, work, group_backward_tensors_of(work, attention, shape.keys), rows,
                          dq_tensors_of(work, attention, shape));
}
