/* Bulk and tensor copies: what platform/tensor_copy.h is made of. */
#ifndef SIMT_BULK_H
#define SIMT_BULK_H

#include "async.h"

/* See host/tensor_layout.h. */
struct simt_tensor {
    const char *data;
    int32_t element_bytes;
    int32_t dimensions;
    int32_t swizzle;
    uint64_t size[5];
    uint64_t stride[5];
    uint32_t box[5];
};

void simt_copy_bulk(void *to, const void *from, int32_t bytes, void *barrier);
void simt_copy_tensor(void *to, const simt_tensor &tensor, const int32_t *at, int32_t dimensions, void *barrier);

void simt_store_bulk(void *to, const void *from, int32_t bytes, bool add);
void simt_store_tensor(const simt_tensor &tensor, const int32_t *at, int32_t dimensions, const void *from);

void simt_stores_commit();

/* Until all but the `later` latest groups have been read, or written too. */
void simt_stores_wait(size_t later, bool written);

#endif
