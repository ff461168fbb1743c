#include "host/backward.h"

#include "host/backward_launch.h"
#include "host/instance_table.h"
#include "host/limits.h"
#include "host/make_problem.h"
#include "plan/small_batch.h"
#include "platform/runtime.h"

namespace
{

struct backward_entry {
    backward_kernel_shape (*shape)(int32_t kind);
    varlen_status (*launch)(const gpu_state &state, varlen_stream stream, const backward_arguments &args);
    varlen_status (*launch_small)(const gpu_state &state, varlen_stream stream, const backward_arguments &args,
                                  int32_t blocks);
};

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL> struct make_backward_entry {
    static constexpr backward_entry entry = {backward_shape_of<T, HEAD_DIM, VALUE_DIM, GENERAL>,
                                             backward_launch<T, HEAD_DIM, VALUE_DIM, GENERAL>,
                                             backward_launch_small<T, HEAD_DIM, VALUE_DIM, GENERAL>};
};

const backward_entry &find_entry(const varlen_attention &attention, bool general)
{
    return find_instance<backward_entry, make_backward_entry>(attention, general);
}

/* Tiles that add in order make the same sums, whatever else is in the batch. */
bool adds_in_order(const varlen_attention &attention)
{
    return attention.flags & (VARLEN_FLAG_DETERMINISTIC | VARLEN_FLAG_BATCH_INVARIANT);
}

/* The pieces of the workspace, into `work`. */
void take_workspace(workspace_cursor &cursor, const varlen_attention &attention, const backward_shape &shape,
                    backward_arguments &work)
{
    const size_t kv_heads = (size_t)attention.kv_heads;
    const size_t block_rows = (size_t)shape.block_rows;
    work.shape = shape;
    work.row_blocks = row_block_limit(attention, shape);
    work.sum_blocks = sum_block_limit(attention, shape);
    const size_t row_blocks = size_product(kv_heads, (size_t)work.row_blocks);
    const size_t sum_blocks = size_product(kv_heads, (size_t)work.sum_blocks);
    const bool in_order = adds_in_order(attention);
    work.plan = take_plan(cursor, attention, 0);
    work.items = workspace_take<backward_item>(cursor, backward_item_limit(attention, shape));
    work.statistics = workspace_take<float>(cursor, size_product(row_blocks, 2 * block_rows));
    work.dsink_parts = workspace_take<float>(cursor, size_product((size_t)attention.q_heads, (size_t)work.row_blocks));
    work.dq_sums = workspace_take<float>(cursor, size_product(sum_blocks, block_rows * (size_t)shape.head_dim));
    int32_t *turns = workspace_take<int32_t>(cursor, in_order ? sum_blocks : 0);
    work.turns = in_order ? turns : nullptr;
}

/* Where no row is so far behind, strides may be too long for the products: they wrap, and nobody walks by them. */
row_stride make_row_stride(const gpu_problem &problem, const gpu_tensor &tensor, int32_t count)
{
    const uint32_t group = problem.group.divisor;
    const uint32_t heads = (uint32_t)count % group;
    const uint64_t token_bytes = (uint64_t)tensor.token_bytes;
    const uint64_t head_bytes = (uint64_t)tensor.head_bytes;
    return {(int64_t)((uint32_t)count / group * token_bytes + heads * head_bytes),
            (int64_t)(token_bytes - group * head_bytes), (int32_t)heads};
}

varlen_status launch_plan(const gpu_state &state, varlen_stream stream, const backward_arguments &work)
{
    plan_arguments<backward_policy> args = {};
    args.problem = work.problem;
    args.plan = work.plan;
    args.items = work.items;
    args.policy = {work.problem.group, work.shape};
    args.validate = work.validate;
    const launch_shape shape = {1, PLAN_THREADS, (int32_t)sizeof(plan_shared)};
    return launch<plan_kernel<backward_policy>>(state.device, shape, stream, args);
}

/* Rows of one kv head that one block of threads prepares no slower than a kernel more takes. */
constexpr int64_t SMALL_BATCH_ROWS = 512;

/* Whether no sequence has more than one tile of keys, as far as the host knows. */
bool is_one_tile_each(const varlen_attention &attention, const backward_shape &shape)
{
    return attention.total_k <= shape.tile_keys ||
           (attention.max_seqlen_k > 0 && attention.max_seqlen_k <= shape.tile_keys);
}

/* Whether the tiles of such a batch can have a processor each. */
bool is_small_batch(const gpu_state &state, const varlen_attention &attention, const backward_arguments &work)
{
    return work.one_tile_each && !work.dsinks && attention.batch <= SMALL_BATCH &&
           query_rows(attention) <= SMALL_BATCH_ROWS &&
           (int64_t)attention.batch * attention.kv_heads <= state.processors;
}

} // namespace

/* The general instances need no more than the others. */
size_t gpu_backward_workspace(const gpu_state *state, const varlen_attention *attention)
{
    workspace_cursor cursor = {};
    backward_arguments work = {};
    take_workspace(cursor, *attention, find_entry(*attention, false).shape(state->kind).cut, work);
    return cursor.used;
}

varlen_status gpu_backward(const gpu_state *state, varlen_stream stream, const varlen_attention *attention,
                           const varlen_backward_args *args)
{
    backward_arguments work = {};
    work.problem = make_problem(*attention, *args->inputs);
    const backward_entry &kernel = find_entry(*attention, problem_is_general(work.problem));
    workspace_cursor cursor = {(char *)args->workspace, 0};
    take_workspace(cursor, *attention, kernel.shape(state->kind).cut, work);
    work.out = make_gpu_tensor(args->out, attention->dtype);
    work.dout = make_gpu_tensor(args->dout, attention->dtype);
    work.dq = make_gpu_tensor(args->dq, attention->dtype);
    work.dk = make_gpu_tensor(args->dk, attention->dtype);
    work.dv = make_gpu_tensor(args->dv, attention->dtype);
    work.q_stride = make_row_stride(work.problem, work.problem.q, work.shape.copied_rows);
    work.dout_stride = make_row_stride(work.problem, work.dout, work.shape.copied_rows);
    work.lse = args->lse;
    work.dsinks = args->dsinks;
    work.mailbox = state->mailbox;
    work.validate = state->validate;
    work.one_tile_each = is_one_tile_each(*attention, work.shape);

    if (is_small_batch(*state, *attention, work)) {
        work.plan.header = nullptr;
        return kernel.launch_small(*state, stream, work, attention->batch ? attention->batch * attention->kv_heads : 1);
    }
    varlen_status status = launch_plan(*state, stream, work);
    return status == VARLEN_OK ? kernel.launch(*state, stream, work) : status;
}
