#include "host/group_forward.h"

#include "group_tuning.h"
#include "host/group_forward_launch.h"
#include "host/group_layouts.h"
#include "host/instance_table.h"
#include "host/make_problem.h"
#include "host/planned_forward.h"

namespace
{

struct group_forward_entry {
    group_forward_shape (*shape)();
    varlen_status (*launch)(const gpu_state &state, varlen_stream stream, const forward_arguments &args,
                            const group_forward_tensors &tensors);
};

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL> struct make_group_forward_entry {
    static constexpr group_forward_entry entry = {group_forward_shape_of<T, HEAD_DIM, VALUE_DIM, GENERAL>,
                                                  group_forward_launch<T, HEAD_DIM, VALUE_DIM, GENERAL>};
};

/* Of quantised keys and values; empty for sizes that have none. */
template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL> constexpr group_forward_entry make_entry()
{
    if constexpr (has_quantized_groups(HEAD_DIM, VALUE_DIM) && !GENERAL)
        return {group_quantized_shape_of<T, HEAD_DIM, VALUE_DIM, false>,
                group_quantized_launch<T, HEAD_DIM, VALUE_DIM, false>};
    else
        return {nullptr, nullptr};
}

template <typename T, int HEAD_DIM, int VALUE_DIM, bool GENERAL> struct make_group_quantized_entry {
    static constexpr group_forward_entry entry = make_entry<T, HEAD_DIM, VALUE_DIM, GENERAL>();
};

const group_forward_entry &find_entry(const varlen_attention &attention, bool general)
{
    return attention.kv_dtype ? instance_entry<group_forward_entry, make_group_quantized_entry>(attention, general)
                              : instance_entry<group_forward_entry, make_group_forward_entry>(attention, general);
}

constexpr int32_t SMALLEST_KEY_BOX = 8; /* rows, in which swizzles repeat */

group_boxes boxes_of(const varlen_attention &attention, const group_forward_shape &shape)
{
    const int32_t group = attention.q_heads / attention.kv_heads;
    const int32_t queries = TILE_ROWS / group;
    return {queries, queries * group, key_box_rows(attention, shape.chunk_keys)};
}

forward_sizes sizes_of(const gpu_state &state, const varlen_attention &attention, const group_forward_shape &shape)
{
    const int32_t tile_rows = boxes_of(attention, shape).tile_rows;
    return {shape.groups * tile_rows, tile_rows, state.processors * PLAN_TUNING.items_per_block};
}

size_t workspace_of(const gpu_state &state, const varlen_attention &attention, bool general)
{
    return planned_forward_workspace(attention, sizes_of(state, attention, find_entry(attention, general).shape()));
}

/* Whole rows of bytes, as they are. */
tensor_layout in_bytes(tensor_layout keys, int32_t columns)
{
    keys.swizzle = 0;
    keys.box[0] = (uint32_t)columns;
    return keys;
}

group_forward_tensors tensors_of(const forward_arguments &args, const varlen_attention &attention,
                                 const group_forward_shape &shape)
{
    const gpu_problem &problem = args.problem;
    const group_boxes boxes = boxes_of(attention, shape);
    const layout_maker make = {problem, attention.dtype, boxes, args.plan.header};
    const layout_maker make_keys = {problem, kv_dtype_of(attention), boxes, args.plan.header};
    const tensor_layout k = make_keys.keys(problem.k, problem.k_page_bytes, problem.head_dim);
    const tensor_layout v = make_keys.keys(problem.v, problem.v_page_bytes, problem.value_dim);
    return {boxes, make.queries(problem.q, problem.head_dim), attention.kv_dtype ? in_bytes(k, shape.head_dim) : k,
            attention.kv_dtype ? in_bytes(v, shape.value_dim) : v, make.ended_queries(args.out, problem.value_dim)};
}

} // namespace

bool has_warp_groups(const gpu_architecture &architecture)
{
    return architecture.async_products && architecture.tensor_copies;
}

bool keys_suit_boxes(const varlen_attention &attention, family_reason *why)
{
    if (attention.features & VARLEN_FEATURE_EXPANDED)
        return declines(why, "strides may be 0, which tensor copies do not take");
    if (attention.page_size % SMALLEST_KEY_BOX != 0)
        return declines(why, "page_size = %d is no multiple of %d", attention.page_size, SMALLEST_KEY_BOX);
    if (attention.page_size > 0 && (attention.features & VARLEN_FEATURE_LEFTPAD_K))
        return declines(why, "leftpad_k moves keys against their pages");
    return true;
}

int32_t key_box_rows(const varlen_attention &attention, int32_t chunk_keys)
{
    const int32_t both = attention.page_size | chunk_keys;
    return attention.page_size > 0 ? both & -both : chunk_keys;
}

bool warp_groups_take_forward(const gpu_state &, const varlen_attention &attention, family_reason *why)
{
    const int32_t group = attention.q_heads / attention.kv_heads;
    if (is_wide(attention))
        return declines_wide(why, attention);
    if (attention.kv_dtype && may_be_general(attention))
        return declines(why, "keys and values are quantised, and scores need more than a scale and a mask");
    if (attention.kv_dtype && !find_entry(attention, false).shape)
        return declines(why, "head_dim = %d with value_dim = %d is too large for quantised keys and values",
                        attention.head_dim, attention.value_dim);
    if (group > TILE_ROWS)
        return declines(why, "q_heads / kv_heads = %d is above %d", group, TILE_ROWS);
    return keys_suit_boxes(attention, why);
}

size_t warp_groups_forward_workspace(const gpu_state &state, const varlen_attention &attention)
{
    const size_t plain = workspace_of(state, attention, false);
    const size_t general = may_be_general(attention) ? workspace_of(state, attention, true) : 0;
    return plain > general ? plain : general;
}

varlen_status forward_warp_groups(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                                  const varlen_forward_args &args)
{
    const gpu_problem problem = make_problem(attention, *args.inputs);
    const group_forward_entry &kernel = find_entry(attention, problem_is_general(problem));
    const group_forward_shape shape = kernel.shape();
    const forward_sizes sizes = sizes_of(state, attention, shape);
    forward_arguments work = make_forward_arguments(state, attention, args, problem, sizes);
    const varlen_status status = launch_forward_plan(state, stream, attention, sizes, args.workspace, work);
    if (status != VARLEN_OK)
        return status;
    return kernel.launch(state, stream, work, tensors_of(work, attention, shape));
}
