/* A tensor of a case as it lies in device memory, and its exchange with dense doubles on the host. */
#ifndef VARLEN_TESTS_STRIDED_TENSOR_H
#define VARLEN_TESTS_STRIDED_TENSOR_H

#include "device_block.h"

/* [pages, page_rows, heads, dim]; packed tensors have one page. On the host rows lie densely, page after page. */
typedef struct tensor_shape {
    const char *name;
    varlen_dtype dtype;
    int64_t pages;
    int64_t page_rows;
    int32_t heads;
    int32_t dim;
} tensor_shape;

/* In elements; 0 where all steps are one. */
typedef struct tensor_strides {
    int64_t page;
    int64_t token;
    int64_t head;
} tensor_strides;

typedef struct strided_tensor {
    tensor_shape shape;
    tensor_strides strides;
    device_block *block;
    int64_t offset;        /* of the first element in the block, in elements */
    bool strides_left_out; /* the view says 0: dense */
} strided_tensor;

tensor_strides strides_dense(const tensor_shape *shape);

int64_t tensor_elements(const tensor_shape *shape);

/* From the first element to past the last one, in elements. */
int64_t tensor_extent(const tensor_shape *shape, const tensor_strides *strides);

varlen_tensor tensor_view(const strided_tensor *tensor);
int64_t tensor_page_stride(const strided_tensor *tensor); /* as the *_page_stride arguments want it */

/* Writes all elements into the block's image. */
void tensor_store(const strided_tensor *tensor, const double *dense);

/* Reads all elements from what was seen in the block, and takes them as they should be. Needs memory for
 * tensor_elements. */
void tensor_load(const strided_tensor *tensor, double *dense);

/* The rows of tensor_load, without the others: for outputs that only some rows are written to. */
void tensor_load_row(const strided_tensor *tensor, int64_t row, double *dense);

#endif
