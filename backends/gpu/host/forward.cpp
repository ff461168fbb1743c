#include "host/forward.h"

#include "host/forward_launch.h"
#include "host/instance_table.h"
#include "host/limits.h"
#include "host/make_problem.h"
#include "plan/small_batch.h"
#include "platform/runtime.h"

namespace
{

struct forward_entry {
    forward_kernel_shape (*shape)(int32_t kind);
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
    return find_instance<forward_entry, make_forward_entry>(attention, general);
}

/* Items per block of the grid that keep it busy to the end. */
constexpr int32_t items_per_block = 4;

/* What a kernel on a device makes of a batch. */
struct forward_sizes {
    int32_t tile_rows;
    int32_t short_tile_rows;
    int32_t blocks;       /* that run side by side */
    int32_t wanted_items; /* that keep the device busy */
};

forward_sizes sizes_of(const gpu_state &state, const forward_entry &kernel)
{
    const forward_kernel_shape shape = kernel.shape(state.kind);
    const int32_t blocks = state.processors * shape.blocks;
    return {shape.tile_rows, shape.short_tile_rows, blocks, blocks * items_per_block};
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

/* Splitting fewer keys gains less than planning costs; it also bounds the sequences that can have many small tiles. */
constexpr int64_t SMALL_BATCH_KEYS = SPLIT_INVARIANT;

/* Blocks that a small batch takes: as many as any batch of this shape has items, in tiles of the fewest rows, which are
 * the fastest where there are processors for all. A row's bits are the same in any tile. 0: the batch is to be planned.
 */
int32_t small_batch_blocks(const varlen_attention &attention, const forward_sizes &sizes)
{
    static_assert(SMALL_BATCH_KEYS <= 2 * DECODE_KEYS, "one sequence at most has tiles of DECODE_TILE_ROWS");
    if (attention.page_size > 0 || attention.batch > SMALL_BATCH || attention.total_k > SMALL_BATCH_KEYS)
        return 0;
    const int64_t tile_rows = sizes.short_tile_rows;
    const int64_t tiles = (query_rows(attention) + attention.batch * (tile_rows - 1)) / tile_rows;
    const int64_t decoded = attention.total_k > DECODE_KEYS ? DECODE_ROWS / DECODE_TILE_ROWS - 1 : 0;
    const int64_t items = (tiles + decoded) * attention.kv_heads;
    if (items > sizes.blocks)
        return 0;
    return items > 0 ? (int32_t)items : 1;
}

varlen_status launch_plan(const gpu_state &state, varlen_stream stream, const forward_arguments &args)
{
    const plan_arguments<forward_policy> plan_args = {args.problem, args.plan, args.items, args.policy, args.validate};
    const launch_shape shape = {1 + args.plan.page_blocks, PLAN_THREADS, (int32_t)sizeof(plan_shared)};
    return launch<plan_kernel<forward_policy>>(state.device, shape, stream, plan_args);
}

} // namespace

/* The general instances need no more than the others. */
size_t gpu_forward_workspace(const gpu_state *state, const varlen_attention *attention)
{
    const forward_entry &kernel = find_entry(*attention, false);
    workspace_cursor cursor = {};
    take_workspace(cursor, *attention, sizes_of(*state, kernel));
    return cursor.used;
}

varlen_status gpu_forward(const gpu_state *state, varlen_stream stream, const varlen_attention *attention,
                          const varlen_forward_args *args)
{
    const gpu_problem problem = make_problem(*attention, *args->inputs);
    const forward_entry &kernel = find_entry(*attention, problem_is_general(problem));
    const forward_sizes sizes = sizes_of(*state, kernel);
    workspace_cursor cursor = {(char *)args->workspace, 0};
    const forward_workspace workspace = take_workspace(cursor, *attention, sizes);

    forward_arguments work = {};
    work.problem = problem;
    work.plan = workspace.plan;
    work.plan.page_blocks = attention->page_size > 0 && state->validate ? PLAN_PAGE_BLOCKS : 0;
    work.policy = make_policy(problem, *attention, sizes);
    work.items = workspace.items;
    work.out = make_gpu_tensor(args->out, attention->dtype);
    work.lse = args->lse;
    work.partial_out = workspace.partial_out;
    work.partial_maximum = workspace.partial_maximum;
    work.partial_sum = workspace.partial_sum;
    work.mailbox = state->mailbox;
    work.validate = state->validate;

    const int32_t small_blocks = small_batch_blocks(*attention, sizes);
    if (small_blocks > 0) {
        work.plan.header = nullptr;
        work.policy.tile_rows = sizes.short_tile_rows;
        return kernel.launch_small(*state, stream, work, small_blocks);
    }
    varlen_status status = launch_plan(*state, stream, work);
    return status == VARLEN_OK ? kernel.launch(*state, stream, work) : status;
}
