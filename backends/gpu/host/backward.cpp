#include "host/backward.h"

#include "host/backward_launch.h"
#include "host/instance_table.h"
#include "host/limits.h"
#include "host/make_problem.h"
#include "plan/plan_kernel.h"
#include "platform/runtime.h"

namespace
{

struct backward_entry {
    backward_kernel_shape (*shape)(const gpu_architecture &architecture);
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
    return instance_entry<backward_entry, make_backward_entry>(attention, general);
}

/* Tiles that add in order make the same sums, whatever else is in the batch. */
bool adds_in_order(const varlen_attention &attention)
{
    return attention.flags & (VARLEN_FLAG_DETERMINISTIC | VARLEN_FLAG_BATCH_INVARIANT);
}

/* The pieces of the workspace, into `work`. */
void take_workspace(workspace_cursor &cursor, const varlen_attention &attention, const backward_cut &cut,
                    backward_arguments &work)
{
    const size_t kv_heads = (size_t)attention.kv_heads;
    const size_t chunk_rows = (size_t)cut.chunk_rows;
    work.cut = cut;
    work.row_chunks = row_chunk_limit(attention, cut);
    work.sum_chunks = sum_chunk_limit(attention, cut);
    const size_t row_chunks = size_product(kv_heads, (size_t)work.row_chunks);
    const size_t sum_chunks = size_product(kv_heads, (size_t)work.sum_chunks);
    const bool in_order = adds_in_order(attention);
    work.plan = take_plan(cursor, attention, 0);
    work.items = workspace_take<backward_item>(cursor, backward_item_limit(attention, cut));
    work.statistics = workspace_take<float>(cursor, size_product(row_chunks, 2 * chunk_rows));
    work.dsink_parts = workspace_take<float>(cursor, size_product((size_t)attention.q_heads, (size_t)work.row_chunks));
    work.dq_sums = workspace_take<float>(cursor, size_product(sum_chunks, chunk_rows * (size_t)cut.head_dim));
    int32_t *turns = workspace_take<int32_t>(cursor, in_order ? sum_chunks : 0);
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
    args.policy = {work.problem.group, work.cut};
    args.validate = work.validate;
    const launch_shape shape = {1, PLAN_THREADS, (int32_t)sizeof(plan_shared)};
    return launch<plan_kernel<backward_policy>>(state.device, shape, stream, args);
}

/* Whether no sequence has more than one tile of keys, as far as the host knows. */
bool is_one_tile_each(const varlen_attention &attention, const backward_cut &cut)
{
    return attention.total_k <= cut.tile_keys ||
           (attention.max_seqlen_k > 0 && attention.max_seqlen_k <= cut.tile_keys);
}

size_t workspace_of(const gpu_state &state, const varlen_attention &attention, bool general)
{
    workspace_cursor cursor = {};
    backward_arguments work = {};
    take_workspace(cursor, attention, find_entry(attention, general).shape(*state.architecture).cut, work);
    return cursor.used;
}

/* What the kernels of both families get. */
backward_arguments make_arguments(const gpu_state &state, const varlen_attention &attention,
                                  const varlen_backward_args &args, const gpu_problem &problem, const backward_cut &cut)
{
    backward_arguments work = {};
    workspace_cursor cursor = {(char *)args.workspace, 0};
    take_workspace(cursor, attention, cut, work);
    work.problem = problem;
    work.out = make_gpu_tensor(args.out, attention.dtype);
    work.dout = make_gpu_tensor(args.dout, attention.dtype);
    work.dq = make_gpu_tensor(args.dq, attention.dtype);
    work.dk = make_gpu_tensor(args.dk, attention.dtype);
    work.dv = make_gpu_tensor(args.dv, attention.dtype);
    work.q_stride = make_row_stride(problem, problem.q, cut.copied_rows);
    work.dout_stride = make_row_stride(problem, work.dout, cut.copied_rows);
    work.lse = args.lse;
    work.dlse = args.dlse;
    work.dsinks = args.dsinks;
    work.mailbox = state.mailbox;
    work.validate = state.validate;
    work.one_tile_each = is_one_tile_each(attention, cut);
    return work;
}

} // namespace

/* The tiles of a small batch have a processor each. */
bool backward_is_small_batch(const gpu_state &state, const varlen_attention &attention, family_reason *why)
{
    if (attention.features & VARLEN_FEATURE_DSINKS)
        return declines(why, "dsinks are wanted");
    const backward_cut cut = find_entry(attention, false).shape(*state.architecture).cut;
    if (!is_one_tile_each(attention, cut))
        return declines(why, "total_k = %lld with max_seqlen_k = %d may be more than %d keys to a sequence",
                        (long long)attention.total_k, attention.max_seqlen_k, cut.tile_keys);
    if (attention.batch > SMALL_BATCH)
        return declines(why, "batch = %d is above %d", attention.batch, (int)SMALL_BATCH);
    if (query_rows(attention) > PLAN_TUNING.small_batch_rows)
        return declines(why, "%lld rows of a kv head are more than %d", (long long)query_rows(attention),
                        PLAN_TUNING.small_batch_rows);
    const int64_t items = (int64_t)attention.batch * attention.kv_heads;
    if (items > state.processors)
        return declines(why, "batch = %d with kv_heads = %d makes more items than the %d processors", attention.batch,
                        attention.kv_heads, state.processors);
    return true;
}

varlen_status backward_small_batch(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                                   const varlen_backward_args &args)
{
    const gpu_problem problem = make_problem(attention, *args.inputs);
    const backward_entry &kernel = find_entry(attention, problem_is_general(problem));
    backward_arguments work = make_arguments(state, attention, args, problem, kernel.shape(*state.architecture).cut);
    work.plan.header = nullptr;
    return kernel.launch_small(state, stream, work, attention.batch ? attention.batch * attention.kv_heads : 1);
}

size_t backward_warp_tiles_workspace(const gpu_state &state, const varlen_attention &attention)
{
    const size_t plain = workspace_of(state, attention, false);
    const size_t general = may_be_general(attention) ? workspace_of(state, attention, true) : 0;
    return plain > general ? plain : general;
}

varlen_status backward_warp_tiles(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                                  const varlen_backward_args &args)
{
    const gpu_problem problem = make_problem(attention, *args.inputs);
    const backward_entry &kernel = find_entry(attention, problem_is_general(problem));
    const backward_arguments work =
        make_arguments(state, attention, args, problem, kernel.shape(*state.architecture).cut);
    const varlen_status status = launch_plan(state, stream, work);
    return status == VARLEN_OK ? kernel.launch(state, stream, work) : status;
}
