#include "host/backward.h"

#include "host/backward_launch.h"
#include "host/instance_table.h"
#include "host/limits.h"
#include "host/make_problem.h"
#include "host/planned_backward.h"

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

size_t workspace_of(const gpu_state &state, const varlen_attention &attention, bool general)
{
    return planned_backward_workspace(attention, find_entry(attention, general).shape(*state.architecture).cut);
}

/* Of a batch whose sequences have a tile each: nothing is summed. */
backward_cut small_batch_cut(const gpu_state &state, const varlen_attention &attention, bool general)
{
    backward_cut cut = find_entry(attention, general).shape(*state.architecture).cut;
    cut.dq_parts = 0;
    return cut;
}

} // namespace

size_t backward_small_batch_workspace(const gpu_state &state, const varlen_attention &attention)
{
    const size_t plain = planned_backward_workspace(attention, small_batch_cut(state, attention, false));
    const size_t general = planned_backward_workspace(attention, small_batch_cut(state, attention, true));
    return may_be_general(attention) && general > plain ? general : plain;
}

/* The tiles of a small batch have a processor each. */
bool backward_is_small_batch(const gpu_state &state, const varlen_attention &attention, family_reason *why)
{
    if (is_wide(attention))
        return declines_wide(why, attention);
    if (attention.features & VARLEN_FEATURE_DSINKS)
        return declines(why, "dsinks are wanted");
    if (state.architecture->async_products && (attention.flags & VARLEN_FLAG_BATCH_INVARIANT))
        return declines(why, "VARLEN_FLAG_BATCH_INVARIANT asks for the bits of larger batches");
    const backward_cut cut = find_entry(attention, false).shape(*state.architecture).cut;
    if (!has_one_tile_each(attention, cut))
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
    backward_arguments work = make_backward_arguments(state, attention, args, problem,
                                                      small_batch_cut(state, attention, problem_is_general(problem)));
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
        make_backward_arguments(state, attention, args, problem, kernel.shape(*state.architecture).cut);
    const varlen_status status = launch_backward_plan(state, stream, work);
    return status == VARLEN_OK ? kernel.launch(state, stream, work) : status;
}
