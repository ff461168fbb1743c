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
    const int32_t in_both = largest_power_of_two_in(attention.page_size | shape.chunk_keys);
    const int32_t queries = TILE_ROWS / group;
    return {queries, queries * group, attention.page_size > 0 ? in_both : shape.chunk_keys};
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

/* A dimension with one step, or none, may come with any stride. */
int64_t stride_of(int64_t steps, int64_t stride)
{
    constexpr int64_t row_bytes = 128;
    return steps > 1 ? stride : row_bytes;
}

void add_dimension(tensor_layout &layout, int64_t size, int64_t stride, int32_t box)
{
    layout.size[layout.dimensions] = size > 0 ? (uint64_t)size : 1; /* where there is none, nothing is copied */
    layout.stride[layout.dimensions] = (uint64_t)stride;
    layout.box[layout.dimensions] = (uint32_t)box;
    layout.dimensions++;
}

/* A call's tensors, which have no data where they have no rows; then a map may name anything. */
struct layout_maker {
    const gpu_problem &problem;
    varlen_dtype dtype;
    group_boxes boxes;
    void *anything;

    /* In columns as wide as a swizzle of 128 bytes. */
    tensor_layout begin(const gpu_tensor &tensor, int32_t dim) const
    {
        tensor_layout layout = {};
        layout.data = tensor.data ? tensor.data : anything;
        layout.dtype = dtype;
        layout.swizzle = 128;
        layout.dimensions = 1;
        layout.size[0] = (uint64_t)dim;
        layout.box[0] = (uint32_t)(layout.swizzle / varlen_dtype_size(dtype));
        return layout;
    }

    /* Of `total` rows, boxes of `rows` that end where they are told: see group_forward_arguments. */
    static void add_ended_rows(tensor_layout &layout, int64_t total, int64_t token_bytes, int32_t rows)
    {
        const int64_t stride = stride_of(total, token_bytes);
        layout.data = (const char *)layout.data - rows * stride;
        add_dimension(layout, rows, stride, rows);
        add_dimension(layout, total + 1, stride, 1);
    }

    void add_group(tensor_layout &layout, const gpu_tensor &tensor) const
    {
        const int32_t group = (int32_t)problem.group.divisor;
        add_dimension(layout, group, stride_of(group, tensor.head_bytes), group);
    }

    void add_kv_heads(tensor_layout &layout, int64_t head_bytes) const
    {
        add_dimension(layout, problem.kv_heads, stride_of(problem.kv_heads, head_bytes), 1);
    }

    tensor_layout queries() const
    {
        const int64_t total = problem.metadata.total_q;
        tensor_layout layout = begin(problem.q, problem.head_dim);
        add_group(layout, problem.q);
        add_dimension(layout, total, stride_of(total, problem.q.token_bytes), boxes.tile_queries);
        add_kv_heads(layout, problem.q.head_bytes * problem.group.divisor);
        return layout;
    }

    tensor_layout out(const gpu_tensor &tensor) const
    {
        tensor_layout layout = begin(tensor, problem.value_dim);
        add_group(layout, tensor);
        add_ended_rows(layout, problem.metadata.total_q, tensor.token_bytes, boxes.tile_queries);
        add_kv_heads(layout, tensor.head_bytes * problem.group.divisor);
        return layout;
    }

    tensor_layout keys(const gpu_tensor &tensor, int64_t page_bytes, int32_t dim) const
    {
        const gpu_metadata &metadata = problem.metadata;
        const int64_t total = metadata.paged ? (int64_t)metadata.page_size.divisor : metadata.total_k;
        tensor_layout layout = begin(tensor, dim);
        add_ended_rows(layout, total, tensor.token_bytes, boxes.key_rows);
        add_kv_heads(layout, tensor.head_bytes);
        if (metadata.paged)
            add_dimension(layout, metadata.page_count, stride_of(metadata.page_count, page_bytes), 1);
        return layout;
    }
};

group_forward_tensors tensors_of(const forward_arguments &args, varlen_dtype dtype, const group_boxes &boxes)
{
    const gpu_problem &problem = args.problem;
    const layout_maker make = {problem, dtype, boxes, args.plan.header};
    return {boxes, make.queries(), make.keys(problem.k, problem.k_page_bytes, problem.head_dim),
            make.keys(problem.v, problem.v_page_bytes, problem.value_dim), make.out(args.out)};
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
    if (attention.page_size % SMALLEST_KEY_BOX != 0)
        return declines(why, "page_size = %d is no multiple of %d", attention.page_size, SMALLEST_KEY_BOX);
    if (attention.page_size > 0 && (attention.features & VARLEN_FEATURE_LEFTPAD_K))
        return declines(why, "leftpad_k moves keys against their pages");
    return true;
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
    return kernel.launch(state, stream, work, tensors_of(work, attention.dtype, boxes_of(attention, shape)));
}
