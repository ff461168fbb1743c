/* Where the tensors of a case lie in device memory; see layout.h. */
#include "layout.h"

#include <string.h>

/* Elements of 16 bytes, of which strides are multiples. */
static int64_t strides_unit(const tensor_shape *shape)
{
    return 16 / varlen_dtype_size(shape->dtype);
}

static tensor_strides strides_padded(const tensor_shape *shape)
{
    const int64_t unit = strides_unit(shape);
    tensor_strides strides = {.head = shape->dim + unit};
    strides.token = shape->heads * strides.head + 3 * unit;
    strides.page = shape->page_rows * strides.token + 5 * unit;
    return strides;
}

static tensor_strides strides_head_major(const tensor_shape *shape)
{
    const int64_t unit = strides_unit(shape);
    tensor_strides strides = {.token = shape->dim + unit};
    strides.head = shape->page_rows * strides.token + 3 * unit;
    strides.page = shape->heads * strides.head;
    return strides;
}

/* The smallest stride, rounded up to 64 elements and a bit, that takes the last of `count` steps past 2^31. */
static int64_t far_stride(int64_t count)
{
    return (((int64_t)1 << 31) / (count - 1) / 64 + 2) * 64;
}

/* Far strides leave a window for each step. */
static strided_tensor layout_far(block_list *list, layout_kind kind, const tensor_shape *shape, uint8_t fill)
{
    strided_tensor tensor = {.shape = *shape, .strides = strides_dense(shape)};
    tensor_shape window = *shape;
    int64_t windows = 0, *stride = NULL;
    switch (kind) {
    case LAYOUT_FAR_TOKENS:
        windows = shape->page_rows;
        stride = &tensor.strides.token;
        window.page_rows = 1;
        break;
    case LAYOUT_FAR_HEADS:
        windows = shape->heads;
        tensor.strides.token = shape->dim;
        stride = &tensor.strides.head;
        window.heads = 1;
        break;
    default:
        windows = shape->pages;
        stride = &tensor.strides.page;
        window.pages = 1;
        break;
    }
    *stride = far_stride(windows);
    int64_t size = varlen_dtype_size(shape->dtype);
    tensor.block = block_add_windows(list, shape->name, windows, tensor_extent(&window, &tensor.strides) * size,
                                     *stride * size, fill);
    return tensor;
}

bool layout_expands(tensor_layout layout, const char *name)
{
    return layout.expanded && strlen(name) == 1 && strchr(layout.expanded, name[0]);
}

static tensor_strides strides_expanded(layout_kind kind, const tensor_shape *shape)
{
    tensor_shape single = *shape;
    if (kind == LAYOUT_EXPANDED_HEADS)
        single.heads = 1;
    if (kind == LAYOUT_EXPANDED_TOKENS)
        single.page_rows = 1;
    tensor_strides strides = strides_dense(&single);
    strides.head = kind == LAYOUT_EXPANDED_HEADS ? 0 : strides.head;
    strides.token = kind == LAYOUT_EXPANDED_TOKENS ? 0 : strides.token;
    strides.page = kind == LAYOUT_EXPANDED_PAGES ? 0 : strides.page;
    return strides;
}

strided_tensor layout_alone(block_list *list, tensor_layout layout, const tensor_shape *shape, uint8_t fill)
{
    if (layout.far && strcmp(layout.far, shape->name) == 0)
        return layout_far(list, layout.kind, shape, fill);
    strided_tensor tensor = {.shape = *shape, .strides = strides_dense(shape)};
    if (layout.kind == LAYOUT_PADDED)
        tensor.strides = strides_padded(shape);
    else if (layout.kind == LAYOUT_HEAD_MAJOR)
        tensor.strides = strides_head_major(shape);
    else if (layout_expands(layout, shape->name))
        tensor.strides = strides_expanded(layout.kind, shape);
    else
        tensor.strides_left_out = true;
    tensor.block =
        block_add(list, shape->name, tensor_extent(shape, &tensor.strides) * varlen_dtype_size(shape->dtype), fill);
    return tensor;
}

strided_tensor layout_first_columns(const strided_tensor *whole, const tensor_shape *shape)
{
    strided_tensor columns = *whole;
    columns.shape = *shape;
    columns.strides_left_out = false; /* dense would be other strides */
    return columns;
}

/* A tensor that the public view helpers placed in `block`. */
static strided_tensor part_of(device_block *block, const tensor_shape *shape, varlen_tensor view)
{
    int64_t bytes = (unsigned char *)view.data - block->data;
    return (strided_tensor){.shape = *shape,
                            .strides = {.page = 0, .token = view.token_stride, .head = view.head_stride},
                            .block = block,
                            .offset = bytes / varlen_dtype_size(shape->dtype)};
}

tensor_triple layout_triple(block_list *list, tensor_layout layout, const tensor_shape *q, const tensor_shape *k,
                            const tensor_shape *v, uint8_t fill)
{
    varlen_dtype dtype = q->dtype;
    int64_t token_size = q->page_rows * q->dim * varlen_dtype_size(dtype);
    device_block *block;
    switch (layout.kind) {
    case LAYOUT_FUSED:
        block = block_add(list, "q, k, v", (q->heads + 2 * k->heads) * token_size, fill);
        return (tensor_triple){part_of(block, q, varlen_view_fused(block->data, dtype, 0, q->heads, k->heads, q->dim)),
                               part_of(block, k, varlen_view_fused(block->data, dtype, 1, q->heads, k->heads, q->dim)),
                               part_of(block, v, varlen_view_fused(block->data, dtype, 2, q->heads, k->heads, q->dim))};
    case LAYOUT_QKVPACKED:
        block = block_add(list, "q, k, v", 3 * q->heads * token_size, fill);
        return (tensor_triple){part_of(block, q, varlen_view_qkvpacked(block->data, dtype, 0, q->heads, q->dim)),
                               part_of(block, k, varlen_view_qkvpacked(block->data, dtype, 1, q->heads, q->dim)),
                               part_of(block, v, varlen_view_qkvpacked(block->data, dtype, 2, q->heads, q->dim))};
    case LAYOUT_KVPACKED:
        block = block_add(list, "k, v", 2 * k->heads * k->page_rows * k->dim * varlen_dtype_size(dtype), fill);
        return (tensor_triple){layout_alone(list, layout, q, fill),
                               part_of(block, k, varlen_view_kvpacked(block->data, dtype, 0, k->heads, k->dim)),
                               part_of(block, v, varlen_view_kvpacked(block->data, dtype, 1, k->heads, k->dim))};
    default:
        return (tensor_triple){layout_alone(list, layout, q, fill), layout_alone(list, layout, k, fill),
                               layout_alone(list, layout, v, fill)};
    }
}
