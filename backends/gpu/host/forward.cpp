#include "host/forward.h"

#include "host/forward_launch.h"
#include "host/instance_table.h"
#include "host/limits.h"
#include "host/make_problem.h"
#include "plan/plan_kernel.h"
#include "platform/runtime.h"

namespace
{

struct forward_entry {
    forward_kernel_shape (*shape)(const gpu_architecture &architecture);
    varlen_status (*launch)(const gpu_state &state, varlen_stream stream, const forward_arguments &args);
    varlen_status (*launch_small)(const gpu_state &state, varlen_stream stream, const forward_arguments &args,
                                  int32_t blocks);
};

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL> struct make_forward_entry {
    static constexpr forward_entry entry = {forward_shape<T, HEAD_DIM, VALUE_DIM, GENERAL>,
                                            forward_launch<T, HEAD_DIM, VALUE_DIM, GENERAL>,
                                            forward_launch_small<T, HEAD_DIM, VALUE_DIM, GENERAL>};
};

const forward_entry &find_entry(const varlen_attention &attention, bool general)
{
    return instance_entry<forward_entry, make_forward_entry>(attention, general);
}

/* What a kernel on a device makes of a batch. */
struct forward_sizes {
    int32_t tile_rows;
    int32_t short_tile_rows;
    int32_t blocks;       /* that run side by side */
    int32_t wanted_items; /* that keep the device busy */
};

forward_sizes sizes_of(const gpu_state &state, const forward_entry &kernel)
{
    const forward_kernel_shape shape = kernel.shape(*state.architecture);
    const int32_t blocks = state.processors * shape.blocks;
    return {shape.tile_rows, shape.short_tile_rows, blocks, blocks * PLAN_TUNING.items_per_block};
}

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
    const size_t partials = partial_limit(attention, sizes.wanted_items);
    const size_t partial_rows = size_product(partials, DECODE_TILE_ROWS);
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
    policy.batch_invariant = (attention.flags & VARLEN_FLAG_BATCH_INVARIANT) != 0;
    policy.wanted_items = sizes.wanted_items;
    return policy;
}

/* As many as any batch of this shape has, in tiles of the fewest rows, which are the fastest where there are processors
 * for all. A row's bits are the same in any tile. */
int64_t small_batch_items(const varlen_attention &attention, int64_t tile_rows)
{
    static_assert(PLAN_TUNING.small_batch_keys <= 2 * DECODE_KEYS && PLAN_TUNING.small_batch_keys <= SPLIT_INVARIANT,
                  "one sequence at most has tiles of DECODE_TILE_ROWS, and none is split");
    const int64_t tiles = (query_rows(attention) + attention.batch * (tile_rows - 1)) / tile_rows;
    const int64_t decoded = attention.total_k > DECODE_KEYS ? DECODE_ROWS / DECODE_TILE_ROWS - 1 : 0;
    return (tiles + decoded) * attention.kv_heads;
}

varlen_status launch_plan(const gpu_state &state, varlen_stream stream, const forward_arguments &args)
{
    const plan_arguments<forward_policy> plan_args = {args.problem, args.plan, args.items, args.policy, args.validate};
    const launch_shape shape = {1 + args.plan.page_blocks, PLAN_THREADS, (int32_t)sizeof(plan_shared)};
    return launch<plan_kernel<forward_policy>>(state.device, shape, stream, plan_args);
}

/* What the kernels of both families get, but for the workspace. */
forward_arguments make_arguments(const gpu_state &state, const varlen_attention &attention,
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

size_t workspace_of(const gpu_state &state, const varlen_attention &attention, bool general)
{
    workspace_cursor cursor = {};
    take_workspace(cursor, attention, sizes_of(state, find_entry(attention, general)));
    return cursor.used;
}

} // namespace

bool forward_is_small_batch(const gpu_state &state, const varlen_attention &attention, family_reason *why)
{
    if (attention.page_size > 0)
        return declines(why, "keys are paged");
    if (attention.batch > SMALL_BATCH)
        return declines(why, "batch = %d is above %d", attention.batch, (int)SMALL_BATCH);
    if (attention.total_k > PLAN_TUNING.small_batch_keys)
        return declines(why, "total_k = %lld is above %d", (long long)attention.total_k, PLAN_TUNING.small_batch_keys);
    const forward_sizes sizes = sizes_of(state, find_entry(attention, false));
    const int64_t items = small_batch_items(attention, sizes.short_tile_rows);
    if (items > sizes.blocks)
        return declines(why, "up to %lld items are more than the %d blocks of threads that run side by side",
                        (long long)items, sizes.blocks);
    return true;
}

varlen_status forward_small_batch(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                                  const varlen_forward_args &args)
{
    const gpu_problem problem = make_problem(attention, *args.inputs);
    const forward_entry &kernel = find_entry(attention, problem_is_general(problem));
    const forward_sizes sizes = sizes_of(state, kernel);
    forward_arguments work = make_arguments(state, attention, args, problem, sizes);
    work.policy.tile_rows = sizes.short_tile_rows;
    const int64_t items = small_batch_items(attention, sizes.short_tile_rows);
    return kernel.launch_small(state, stream, work, items > 0 ? (int32_t)items : 1);
}

size_t forward_warp_tiles_workspace(const gpu_state &state, const varlen_attention &attention)
{
    const size_t plain = workspace_of(state, attention, false);
    const size_t general = may_be_general(attention) ? workspace_of(state, attention, true) : 0;
    return plain > general ? plain : general;
}

varlen_status forward_warp_tiles(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                                 const varlen_forward_args &args)
{
    const gpu_problem problem = make_problem(attention, *args.inputs);
    const forward_entry &kernel = find_entry(attention, problem_is_general(problem));
    const forward_sizes sizes = sizes_of(state, kernel);
    workspace_cursor cursor = {(char *)args.workspace, 0};
    const forward_workspace workspace = take_workspace(cursor, attention, sizes);

    forward_arguments work = make_arguments(state, attention, args, problem, sizes);
    work.plan = workspace.plan;
    work.plan.page_blocks = attention.page_size > 0 && state.validate ? PLAN_PAGE_BLOCKS : 0;
    work.items = workspace.items;
    work.partial_out = workspace.partial_out;
    work.partial_maximum = workspace.partial_maximum;
    work.partial_sum = workspace.partial_sum;
    const varlen_status status = launch_plan(state, stream, work);
    return status == VARLEN_OK ? kernel.launch(state, stream, work) : status;
}
