/* A tensor as it lies in device memory; see strided_tensor.h. */
#include "strided_tensor.h"

#include "dtypes.h"

#include <string.h>

tensor_strides strides_dense(const tensor_shape *shape)
{
    int64_t token = (int64_t)shape->heads * shape->dim;
    return (tensor_strides){.page = shape->page_rows * token, .token = token, .head = shape->dim};
}

int64_t tensor_elements(const tensor_shape *shape)
{
    return shape->pages * shape->page_rows * shape->heads * shape->dim;
}

int64_t tensor_extent(const tensor_shape *shape, const tensor_strides *strides)
{
    if (tensor_elements(shape) == 0)
        return 0;
    return (shape->pages - 1) * strides->page + (shape->page_rows - 1) * strides->token +
           (shape->heads - 1) * strides->head + shape->dim;
}

varlen_tensor tensor_view(const strided_tensor *tensor)
{
    varlen_tensor view = {.data = tensor->block->data + tensor->offset * varlen_dtype_size(tensor->shape.dtype)};
    if (!tensor->strides_left_out) {
        view.token_stride = tensor->strides.token ? tensor->strides.token : VARLEN_EXPANDED;
        view.head_stride = tensor->strides.head ? tensor->strides.head : VARLEN_EXPANDED;
    }
    return view;
}

int64_t tensor_page_stride(const strided_tensor *tensor)
{
    if (tensor->strides_left_out || tensor->shape.pages == 1)
        return 0;
    return tensor->strides.page ? tensor->strides.page : VARLEN_EXPANDED;
}

static unsigned char *element(const strided_tensor *tensor, unsigned char *copy, int64_t row, int32_t head)
{
    int64_t index = tensor->offset + row / tensor->shape.page_rows * tensor->strides.page +
                    row % tensor->shape.page_rows * tensor->strides.token + head * tensor->strides.head;
    return block_at(tensor->block, copy, index * varlen_dtype_size(tensor->shape.dtype));
}

void tensor_store(const strided_tensor *tensor, const double *dense)
{
    const tensor_shape *shape = &tensor->shape;
    for (int64_t row = 0; row < shape->pages * shape->page_rows; row++) {
        for (int32_t head = 0; head < shape->heads; head++) {
            unsigned char *place = element(tensor, tensor->block->image, row, head);
            for (int32_t n = 0; n < shape->dim; n++)
                dtype_store(shape->dtype, place + n * varlen_dtype_size(shape->dtype), (float)*dense++);
        }
    }
}

void tensor_load_row(const strided_tensor *tensor, int64_t row, double *dense)
{
    const tensor_shape *shape = &tensor->shape;
    int64_t size = varlen_dtype_size(shape->dtype);
    for (int32_t head = 0; head < shape->heads; head++) {
        unsigned char *seen = element(tensor, tensor->block->seen, row, head);
        for (int32_t n = 0; n < shape->dim; n++)
            *dense++ = dtype_load(shape->dtype, seen + n * size);
        memcpy(element(tensor, tensor->block->image, row, head), seen, (size_t)(shape->dim * size));
    }
}

void tensor_load(const strided_tensor *tensor, double *dense)
{
    const tensor_shape *shape = &tensor->shape;
    for (int64_t row = 0; row < shape->pages * shape->page_rows; row++)
        tensor_load_row(tensor, row, dense + row * shape->heads * shape->dim);
}
