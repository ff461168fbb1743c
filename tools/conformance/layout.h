/* Where the tensors of a case lie in device memory. */
#ifndef VARLEN_TESTS_LAYOUT_H
#define VARLEN_TESTS_LAYOUT_H

#include "strided_tensor.h"

typedef enum layout_kind {
    LAYOUT_DENSE = 0,       /* strides left at 0 */
    LAYOUT_PADDED,          /* gaps between heads, tokens and pages */
    LAYOUT_HEAD_MAJOR,      /* a head's tokens lie together */
    LAYOUT_FUSED,           /* q, k, v in one [tokens, q_heads + 2 * kv_heads, dim] tensor */
    LAYOUT_QKVPACKED,       /* [tokens, 3, heads, dim] */
    LAYOUT_KVPACKED,        /* k, v in [tokens, 2, kv_heads, dim] */
    LAYOUT_EXPANDED_HEADS,  /* all heads of the tensors that `expanded` names are one: their stride is 0 */
    LAYOUT_EXPANDED_TOKENS, /* all tokens, of a page where there are pages */
    LAYOUT_EXPANDED_PAGES,
    LAYOUT_FAR_TOKENS, /* the token stride of the tensor called `far` takes it past 2^31 elements; the rest is dense */
    LAYOUT_FAR_HEADS,
    LAYOUT_FAR_PAGES
} layout_kind;

typedef struct tensor_layout {
    layout_kind kind;
    const char *far;      /* a tensor's name: "q", "k", "v", "out" */
    const char *expanded; /* names of inputs, a letter each: "kv" */
    bool v_in_k;          /* v is a view of the first value_dim columns of k */
} tensor_layout;

/* Whether the layout expands the tensor of this name. */
bool layout_expands(tensor_layout layout, const char *name);

/* A tensor in a block of its own. */
strided_tensor layout_alone(block_list *list, tensor_layout layout, const tensor_shape *shape, uint8_t fill);

/* A view of the first columns of a tensor, in its block. */
strided_tensor layout_first_columns(const strided_tensor *whole, const tensor_shape *shape);

/* q, k, v, or their gradients: together where the layout is a fused one, else each alone. */
typedef struct tensor_triple {
    strided_tensor q;
    strided_tensor k;
    strided_tensor v;
} tensor_triple;

tensor_triple layout_triple(block_list *list, tensor_layout layout, const tensor_shape *q, const tensor_shape *k,
                            const tensor_shape *v, uint8_t fill);

#endif
