/* A call's tensors in boxes of tensor copies, as kernels of warp groups ask for them. */
#ifndef VARLEN_GPU_HOST_GROUP_LAYOUTS_H
#define VARLEN_GPU_HOST_GROUP_LAYOUTS_H

#include "call/problem.h"
#include "plan/group_boxes.h"

#include "host/tensor_layout.h"

/* A dimension with one step, or none, may come with any stride. */
inline int64_t stride_of(int64_t steps, int64_t stride)
{
    constexpr int64_t row_bytes = 128;
    return steps > 1 ? stride : row_bytes;
}

inline void add_dimension(tensor_layout &layout, int64_t size, int64_t stride, int32_t box)
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
    int32_t swizzle = 128; /* bytes */

    /* In columns as wide as the swizzle. */
    tensor_layout begin(const gpu_tensor &tensor, int32_t dim) const
    {
        tensor_layout layout = {};
        layout.data = tensor.data ? tensor.data : anything;
        layout.dtype = dtype;
        layout.swizzle = swizzle;
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

    tensor_layout queries(const gpu_tensor &tensor, int32_t dim) const
    {
        const int64_t total = problem.metadata.total_q;
        tensor_layout layout = begin(tensor, dim);
        add_group(layout, tensor);
        add_dimension(layout, total, stride_of(total, tensor.token_bytes), boxes.tile_queries);
        add_kv_heads(layout, tensor.head_bytes * problem.group.divisor);
        return layout;
    }

    /* Of q, out and their gradients, in boxes that end where they are told. */
    tensor_layout ended_queries(const gpu_tensor &tensor, int32_t dim) const
    {
        tensor_layout layout = begin(tensor, dim);
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

#endif
