/* The rules of varlen_tensor, and of the scales of its rows, and the meaning of their zero strides. */
#ifndef VARLEN_CORE_RULES_TENSOR_H
#define VARLEN_CORE_RULES_TENSOR_H

#include <stdbool.h>

#include "extents.h"

/* Rows that are computed with are read and written in pieces of 16 bytes, which GPUs want aligned. */
enum { VARLEN_ROW_ALIGNMENT = 16 };

/* What a tensor argument has to be. */
typedef struct varlen_tensor_rule {
    const char *name;
    int64_t element_size; /* bytes */
    int64_t alignment;    /* bytes that addresses and strides are multiples of, itself one of element_size */
    bool written;
    bool unexpanded; /* an expanded dimension is refused: features does not announce one */
    int64_t tokens;
    int64_t heads; /* >= 1 */
    int64_t dim;   /* >= 1 */

    /* For tensors with one dimension more: pages, parts, padded rows. Otherwise stride_name is NULL. */
    const char *stride_name;
    int64_t count;
} varlen_tensor_rule;

/* Checks the view, puts the strides in it that its zeros stand for, and adds it to `extents`. */
varlen_status varlen_check_tensor(const varlen_tensor_rule *rule, varlen_tensor *tensor, varlen_extents *extents);

/* Likewise for [count, tokens, heads, dim]; *stride leads from one of the `count` to the next, 0 = tokens *
 * token_stride. */
varlen_status varlen_check_stacked_tensor(const varlen_tensor_rule *rule, varlen_tensor *tensor, int64_t *stride,
                                          varlen_extents *extents);

/* The scales of a quantised tensor: one for each row of [pages, tokens, heads], a stride of 0 being a scale that rows
 * share. */
typedef struct varlen_scales {
    const char *name; /* "k_scale" */
    const char *token_stride_name;
    const char *head_stride_name;
    const char *page_stride_name;
    const float *data;
    int64_t *token_stride;
    int64_t *head_stride;
    int64_t *page_stride;
} varlen_scales;

/* `rows` is the rule of the tensor that they scale, whose rows may be `written`; `allowed` says whether it is
 * quantised, which `dtype_name` decides. Adds them to `extents`. */
varlen_status varlen_check_scales(const varlen_scales *scales, const varlen_tensor_rule *rows, bool allowed,
                                  const char *dtype_name, varlen_extents *extents);

#endif
