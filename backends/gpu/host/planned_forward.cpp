#include "host/planned_forward.h"

#include "host/limits.h"
#include "host/make_problem.h"
#include "plan/plan_kernel.h"
#include "platform/runtime.h"

namespace
{

struct forward_workspace {
    gpu_plan plan;
    forward_item *items;
    float *partial_out;
    float *partial_maximum;
    float *partial_sum;
};

forward_workspace take_workspace(workspace_cursor &cursor, const varlen_attention &attention,
                                 const forward_sizes &sizes)
{
    const size_t partials = partial_limit(attention, sizes.wanted_items, sizes.decode_rows, sizes.partial_tile_rows);
    const size_t partial_rows = size_product(partials, (size_t)sizes.decode_tile_rows);
    forward_workspace workspace;
    workspace.plan = take_plan(cursor, attention, partials);
    workspace.items = workspace_take<forward_item>(cursor, forward_item_limit(attention, sizes.tile_rows, partials));
    workspace.partial_out = workspace_take<float>(cursor, size_product(partial_rows, (size_t)attention.value_dim));
    workspace.partial_maximum = workspace_take<float>(cursor, partial_rows);
    workspace.partial_sum = workspace_take<float>(cursor, partial_rows);
    return workspace;
}

forward_policy make_policy(const gpu_problem &problem, const varlen_attention &attention, const forward_sizes &sizes)
{
    forward_policy policy = {};
    policy.group = problem.group;
    policy.kv_heads = problem.kv_heads;
    policy.tile_rows = sizes.tile_rows;
    policy.decode_tile_rows = sizes.decode_tile_rows;
    policy.decode_rows = sizes.decode_rows;
    policy.batch_invariant = (attention.flags & VARLEN_FLAG_BATCH_INVARIANT) != 0;
    policy.wanted_items = sizes.wanted_items;
    return policy;
}

varlen_status launch_plan(const gpu_state &state, varlen_stream stream, const forward_arguments &arguments)
{
    const plan_arguments<forward_policy> args = {arguments.problem, arguments.plan, arguments.items, arguments.policy,
                                                 arguments.validate};
    const launch_shape shape = {1 + arguments.plan.other_blocks, PLAN_THREADS, (int32_t)sizeof(plan_shared)};
    return launch<plan_kernel<forward_policy>>(state.device, shape, stream, args);
}

} // namespace

forward_arguments make_forward_arguments(const gpu_state &state, const varlen_attention &attention,
                                         const varlen_forward_args &args, const gpu_problem &problem,
                                         const forward_sizes &sizes)
{
    forward_arguments work = {};
    work.problem = problem;
    work.policy = make_policy(problem, attention, sizes);
    work.out = make_gpu_tensor(args.out, attention.dtype);
    work.lse = args.lse;
    work.mailbox = state.mailbox;
    work.validate = state.validate;
    return work;
}

size_t planned_forward_workspace(const varlen_attention &attention, const forward_sizes &sizes)
{
    workspace_cursor cursor = {};
    take_workspace(cursor, attention, sizes);
    return cursor.used;
}

varlen_status launch_forward_plan(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                                  const forward_sizes &sizes, void *workspace, forward_arguments &arguments)
{
    workspace_cursor cursor = {(char *)workspace, 0};
    const forward_workspace taken = take_workspace(cursor, attention, sizes);
    arguments.plan = taken.plan;
    arguments.problem = with_bounds(arguments.problem, taken.plan);
    arguments.plan.other_blocks = attention.page_size > 0 && state.validate ? PLAN_OTHER_BLOCKS : 0;
    arguments.items = taken.items;
    arguments.partial_out = taken.partial_out;
    arguments.partial_maximum = taken.partial_maximum;
    arguments.partial_sum = taken.partial_sum;
    return launch_plan(state, stream, arguments);
}

forward_arguments take_row_plan(workspace_cursor &cursor, const varlen_attention &attention, const gpu_problem &problem,
                                int32_t tile_rows)
{
    constexpr int32_t wanted_items = 1; /* the fewer, the longer are parts: as long as any sequence */
    forward_arguments plan = {};
    plan.problem = problem;
    plan.policy = make_policy(problem, attention, {tile_rows, tile_rows, wanted_items});
    plan.policy.batch_invariant = false;
    plan.plan = take_plan(cursor, attention, 0);
    plan.problem = with_bounds(problem, plan.plan);
    plan.items = workspace_take<forward_item>(cursor, forward_item_limit(attention, tile_rows, 0));
    return plan;
}

varlen_status launch_row_plan(const gpu_state &state, varlen_stream stream, const forward_arguments &arguments)
{
    return launch_plan(state, stream, arguments);
}
