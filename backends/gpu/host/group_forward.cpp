#include "host/group_forward.h"

#include "host/group_forward_launch.h"
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

const group_forward_entry &find_entry(const varlen_attention &attention, bool general)
{
    return instance_entry<group_forward_entry, make_group_forward_entry>(attention, general);
}

constexpr int32_t SMALLEST_KEY_BOX = 8; /* rows, in which swizzles repeat */

int32_t largest_power_of_two_in(int32_t number)
{
    return number & -number;
}

group_boxes boxes_of(const varlen_attention &attention, const group_forward_shape &shape)
{
    const int32_t group = attention.q_heads / attention.kv_heads;
    const int32_t in_page = attention.page_size > 0 ? largest_power_of_two_in(attention.page_size) : shape.chunk_keys;
    const int32_t queries = TILE_ROWS / group;
    return {queries, queries * group, in_page < shape.chunk_keys ? in_page : shape.chunk_keys};
}

/* Shapes are the same whether a kernel is general or not. */
forward_sizes sizes_of(const gpu_state &state, const varlen_attention &attention)
{
    const group_forward_shape shape = find_entry(attention, false).shape();
    const int32_t tile_rows = boxes_of(attention, shape).tile_rows;
    return {shape.groups * tile_rows, tile_rows, state.processors * PLAN_TUNING.items_per_block};
}

/* In columns as wide as a swizzle of 128 bytes. */
tensor_layout layout_of(const gpu_tensor &tensor, varlen_dtype dtype, int32_t dim)
{
    tensor_layout layout = {};
    layout.data = tensor.data;
    layout.dtype = dtype;
    layout.swizzle = 128;
    layout.size[0] = (uint64_t)dim;
    layout.box[0] = (uint32_t)(layout.swizzle / varlen_dtype_size(dtype));
    layout.dimensions = 1;
    return layout;
}

void add_dimension(tensor_layout &layout, int64_t size, int64_t stride, int32_t box)
{
    layout.size[layout.dimensions] = (uint64_t)size;
    layout.stride[layout.dimensions] = (uint64_t)stride;
    layout.box[layout.dimensions] = (uint32_t)box;
    layout.dimensions++;
}

/* Boxes of `rows` rows that end where they are told: see group_forward_arguments. `total` rows there are. */
void add_ended_rows(tensor_layout &layout, int64_t total, int64_t stride, int32_t rows)
{
    layout.data = (const char *)layout.data - rows * stride;
    add_dimension(layout, rows, stride, rows);
    add_dimension(layout, total + 1, stride, 1);
}

tensor_layout query_layout(const gpu_problem &problem, varlen_dtype dtype, const group_boxes &boxes)
{
    const int32_t group = (int32_t)problem.group.divisor;
    tensor_layout layout = layout_of(problem.q, dtype, problem.head_dim);
    add_dimension(layout, group, problem.q.head_bytes, group);
    add_dimension(layout, problem.metadata.total_q, problem.q.token_bytes, boxes.tile_queries);
    add_dimension(layout, problem.kv_heads, problem.q.head_bytes * group, 1);
    return layout;
}

tensor_layout out_layout(const gpu_problem &problem, const gpu_tensor &out, varlen_dtype dtype,
                         const group_boxes &boxes)
{
    const int32_t group = (int32_t)problem.group.divisor;
    tensor_layout layout = layout_of(out, dtype, problem.value_dim);
    add_dimension(layout, group, out.head_bytes, group);
    add_ended_rows(layout, problem.metadata.total_q, out.token_bytes, boxes.tile_queries);
    add_dimension(layout, problem.kv_heads, out.head_bytes * group, 1);
    return layout;
}

tensor_layout key_layout(const gpu_problem &problem, const gpu_tensor &tensor, int64_t page_bytes, varlen_dtype dtype,
                         int32_t dim, const group_boxes &boxes)
{
    const gpu_metadata &metadata = problem.metadata;
    tensor_layout layout = layout_of(tensor, dtype, dim);
    add_ended_rows(layout, metadata.paged ? (int64_t)metadata.page_size.divisor : metadata.total_k, tensor.token_bytes,
                   boxes.key_rows);
    add_dimension(layout, problem.kv_heads, tensor.head_bytes, 1);
    if (metadata.paged)
        add_dimension(layout, metadata.page_count, page_bytes, 1);
    return layout;
}

group_forward_tensors tensors_of(const gpu_problem &problem, const gpu_tensor &out, varlen_dtype dtype,
                                 const group_boxes &boxes)
{
    return {boxes, query_layout(problem, dtype, boxes),
            key_layout(problem, problem.k, problem.k_page_bytes, dtype, problem.head_dim, boxes),
            key_layout(problem, problem.v, problem.v_page_bytes, dtype, problem.value_dim, boxes),
            out_layout(problem, out, dtype, boxes)};
}

} // namespace

bool has_warp_groups(const gpu_architecture &architecture)
{
    return architecture.async_products && architecture.tensor_copies;
}

bool warp_groups_take_forward(const gpu_state &, const varlen_attention &attention, family_reason *why)
{
    const int32_t group = attention.q_heads / attention.kv_heads;
    if (group > TILE_ROWS)
        return declines(why, "q_heads / kv_heads = %d is above %d", group, TILE_ROWS);
    if (attention.features & VARLEN_FEATURE_EXPANDED)
        return declines(why, "strides may be 0, which tensor copies do not take");
    if (attention.total_q == 0)
        return declines(why, "there are no queries");
    if (attention.page_size > 0 ? attention.page_count == 0 : attention.total_k == 0)
        return declines(why, "there are no keys");
    if (attention.page_size % SMALLEST_KEY_BOX != 0)
        return declines(why, "page_size = %d is no multiple of %d", attention.page_size, SMALLEST_KEY_BOX);
    if (attention.page_size > 0 && (attention.features & VARLEN_FEATURE_LEFTPAD_K))
        return declines(why, "leftpad_k moves keys against their pages");
    return true;
}

size_t warp_groups_forward_workspace(const gpu_state &state, const varlen_attention &attention)
{
    return planned_forward_workspace(attention, sizes_of(state, attention));
}

varlen_status forward_warp_groups(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                                  const varlen_forward_args &args)
{
    const gpu_problem problem = make_problem(attention, *args.inputs);
    const group_forward_entry &kernel = find_entry(attention, problem_is_general(problem));
    const forward_sizes sizes = sizes_of(state, attention);
    forward_arguments work = make_forward_arguments(state, attention, args, problem, sizes);
    const varlen_status status = launch_forward_plan(state, stream, attention, sizes, args.workspace, work);
    if (status != VARLEN_OK)
        return status;
    const group_boxes boxes = boxes_of(attention, kernel.shape());
    return kernel.launch(state, stream, work, tensors_of(problem, work.out, attention.dtype, boxes));
}
