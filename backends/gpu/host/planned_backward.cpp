#include "host/planned_backward.h"

#include "host/limits.h"
#include "host/make_problem.h"
#include "plan/plan_kernel.h"
#include "platform/runtime.h"

namespace
{

bool may_have_row_spans(const varlen_attention &attention)
{
    return attention.features & (VARLEN_FEATURE_KEY_RANGES | VARLEN_FEATURE_CHUNK);
}

/* The pieces of the workspace, into `work`. */
void take_workspace(workspace_cursor &cursor, const varlen_attention &attention, const backward_cut &cut,
                    backward_arguments &work)
{
    const size_t kv_heads = (size_t)attention.kv_heads;
    const size_t stored_rows = (size_t)cut.stored_rows;
    work.cut = cut;
    work.row_chunks = row_chunk_limit(attention, cut);
    work.sum_chunks = sum_chunk_limit(attention, cut);
    const size_t row_chunks = size_product(kv_heads, (size_t)work.row_chunks);
    const size_t sum_chunks = size_product(kv_heads, (size_t)work.sum_chunks);
    const bool in_order = adds_in_order(attention);
    work.plan = take_plan(cursor, attention, 0);
    work.items = workspace_take<backward_item>(cursor, backward_item_limit(attention, cut));
    work.statistics = workspace_take<float>(cursor, size_product(row_chunks, 2 * stored_rows));
    work.dsink_parts = workspace_take<float>(cursor, size_product((size_t)attention.q_heads, (size_t)work.row_chunks));
    const size_t spans = may_have_row_spans(attention) ? size_product((size_t)work.row_chunks, stored_rows + 2) : 0;
    work.spans.of_rows = workspace_take<gpu_span>(cursor, spans);
    work.dq_sums = workspace_take<float>(cursor, size_product(sum_chunks, stored_rows * (size_t)cut.head_dim));
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

} // namespace

bool adds_in_order(const varlen_attention &attention)
{
    return attention.flags & (VARLEN_FLAG_DETERMINISTIC | VARLEN_FLAG_BATCH_INVARIANT);
}

bool has_one_tile_each(const varlen_attention &attention, const backward_cut &cut)
{
    return attention.total_k <= cut.tile_keys ||
           (attention.max_seqlen_k > 0 && attention.max_seqlen_k <= cut.tile_keys);
}

size_t planned_backward_workspace(const varlen_attention &attention, const backward_cut &cut)
{
    workspace_cursor cursor = {};
    backward_arguments work = {};
    take_workspace(cursor, attention, cut, work);
    return cursor.used;
}

backward_arguments make_backward_arguments(const gpu_state &state, const varlen_attention &attention,
                                           const varlen_backward_args &args, const gpu_problem &problem,
                                           const backward_cut &cut)
{
    backward_arguments work = {};
    workspace_cursor cursor = {(char *)args.workspace, 0};
    take_workspace(cursor, attention, cut, work);
    work.problem = with_bounds(problem, work.plan);
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
    if (!work.problem.bounds && !work.problem.chunk.divisor)
        work.spans.of_rows = nullptr;
    work.plan.other_blocks = problem.metadata.key_starts && state.validate ? PLAN_OTHER_BLOCKS : 0;
    work.one_tile_each = has_one_tile_each(attention, cut);
    return work;
}

varlen_status launch_backward_plan(const gpu_state &state, varlen_stream stream, const backward_arguments &work)
{
    plan_arguments<backward_policy> args = {};
    args.problem = work.problem;
    args.plan = work.plan;
    args.items = work.items;
    args.policy = {work.problem.group, work.cut};
    args.validate = work.validate;
    const launch_shape shape = {1 + work.plan.other_blocks, PLAN_THREADS, (int32_t)sizeof(plan_shared)};
    return launch<plan_kernel<backward_policy>>(state.device, shape, stream, args);
}
