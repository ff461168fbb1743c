#include "host/forward.h"

#include "host/forward_launch.h"
#include "host/instance_table.h"
#include "host/limits.h"
#include "host/make_problem.h"
#include "host/planned_forward.h"
#include "host/wide_launch.h"

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

/* Wide heads are in no small batch. */
template <typename T> constexpr forward_entry wide_entry = {wide_forward_shape<T>, wide_forward_launch<T>, nullptr};
template <typename T>
constexpr forward_entry wide_quantized_entry = {wide_quantized_shape<T>, wide_quantized_launch<T>, nullptr};

/* Nor are quantised keys and values. */
template <typename T, int HEAD_DIM, int VALUE_DIM, bool> struct make_quantized_entry {
    static constexpr forward_entry entry = {forward_quantized_shape<T, HEAD_DIM, VALUE_DIM, true>,
                                            forward_quantized_launch<T, HEAD_DIM, VALUE_DIM, true>, nullptr};
};

template <typename T> const forward_entry &wide_entry_of(const varlen_attention &attention)
{
    return attention.kv_dtype ? wide_quantized_entry<T> : wide_entry<T>;
}

const forward_entry &find_entry(const varlen_attention &attention, bool general)
{
    if (is_wide(attention))
        return attention.dtype == VARLEN_BFLOAT16 ? wide_entry_of<bfloat16>(attention)
                                                  : wide_entry_of<float16>(attention);
    return attention.kv_dtype ? instance_entry<forward_entry, make_quantized_entry>(attention, true)
                              : instance_entry<forward_entry, make_forward_entry>(attention, general);
}

/* What a kernel on a device makes of a batch. */
struct tile_sizes {
    forward_sizes planned;
    int32_t short_tile_rows;
    int32_t blocks; /* that run side by side */
};

tile_sizes sizes_of(const gpu_state &state, const forward_entry &kernel)
{
    const forward_kernel_shape shape = kernel.shape(*state.architecture);
    const int32_t blocks = state.processors * shape.blocks;
    return {
        {shape.tile_rows, shape.decode_tile_rows, blocks * PLAN_TUNING.items_per_block}, shape.short_tile_rows, blocks};
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

size_t workspace_of(const gpu_state &state, const varlen_attention &attention, bool general)
{
    return planned_forward_workspace(attention, sizes_of(state, find_entry(attention, general)).planned);
}

} // namespace

bool forward_is_small_batch(const gpu_state &state, const varlen_attention &attention, family_reason *why)
{
    if (is_wide(attention))
        return declines_wide(why, attention);
    if (attention.page_size > 0)
        return declines(why, "keys are paged");
    if (attention.kv_dtype)
        return declines(why, "keys and values are quantised");
    if (!needs_no_plan(attention, why))
        return false;
    if (state.architecture->async_products && (attention.flags & VARLEN_FLAG_BATCH_INVARIANT))
        return declines(why, "VARLEN_FLAG_BATCH_INVARIANT asks for the bits of larger batches");
    if (attention.batch > SMALL_BATCH)
        return declines(why, "batch = %d is above %d", attention.batch, (int)SMALL_BATCH);
    if (attention.total_k > PLAN_TUNING.small_batch_keys)
        return declines(why, "total_k = %lld is above %d", (long long)attention.total_k, PLAN_TUNING.small_batch_keys);
    const tile_sizes sizes = sizes_of(state, find_entry(attention, false));
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
    const tile_sizes sizes = sizes_of(state, kernel);
    forward_arguments work = make_forward_arguments(state, attention, args, problem, sizes.planned);
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
    const tile_sizes sizes = sizes_of(state, kernel);
    forward_arguments work = make_forward_arguments(state, attention, args, problem, sizes.planned);
    const varlen_status status = launch_forward_plan(state, stream, attention, sizes.planned, args.workspace, work);
    return status == VARLEN_OK ? kernel.launch(state, stream, work) : status;
}
