#include "host/group_backward.h"

#include "host/backward.h"
#include "host/group_cuts.h"
#include "host/instance_table.h"
#include "host/make_problem.h"
#include "host/planned_backward.h"

namespace
{

struct group_backward_entry {
    group_backward_shape (*shape)();
    varlen_status (*launch)(const gpu_state &state, varlen_stream stream, const backward_arguments &args,
                            const group_backward_tensors &tensors);
};

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL> struct make_group_backward_entry {
    static constexpr group_backward_entry entry = {group_backward_shape_of<T, HEAD_DIM, VALUE_DIM, GENERAL>,
                                                   group_backward_launch<T, HEAD_DIM, VALUE_DIM, GENERAL>};
};

const group_backward_entry &find_entry(const varlen_attention &attention, bool general)
{
    return instance_entry<group_backward_entry, make_group_backward_entry>(attention, general);
}

backward_cut one_sweep_cut(const varlen_attention &attention, const group_backward_shape &shape)
{
    return group_backward_cut(attention, shape, shape.groups);
}

} // namespace

bool warp_groups_take_backward(const gpu_state &, const varlen_attention &attention, family_reason *why)
{
    const int32_t group = group_of(attention);
    if (is_wide(attention))
        return declines_wide(why, attention);
    if (group > TILE_ROWS)
        return declines(why, "q_heads / kv_heads = %d is above %d", group, TILE_ROWS);
    if (attention.features & VARLEN_FEATURE_EXPANDED)
        return declines(why, "strides may be 0, which tensor copies do not take");
    return true;
}

size_t warp_groups_backward_workspace(const gpu_state &state, const varlen_attention &attention)
{
    return group_workspace_of<group_backward_entry, make_group_backward_entry>(
        state, attention, [&](const group_backward_entry &entry) {
            return planned_backward_workspace(attention, one_sweep_cut(attention, entry.shape()));
        });
}

varlen_status backward_warp_groups(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                                   const varlen_backward_args &args)
{
    const gpu_problem problem = make_problem(attention, *args.inputs);
    const group_backward_entry &kernel = find_entry(attention, problem_is_general(problem));
    const group_backward_shape shape = kernel.shape();
    const backward_arguments work =
        make_backward_arguments(state, attention, args, problem, one_sweep_cut(attention, shape));
    const varlen_status status = launch_backward_plan(state, stream, work);
    if (status != VARLEN_OK)
        return status;
    return kernel.launch(state, stream, work, group_backward_tensors_of(work, attention, shape));
}
