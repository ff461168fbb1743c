/* A tensor as the public header's words describe it: worked out anew from the struct that a call is given, and held
 * against the target's memory. */
#ifndef VARLEN_FUZZ_VIEW_H
#define VARLEN_FUZZ_VIEW_H

#include "input.h"

#include <varlen/varlen.h>

typedef struct view_shape {
    const char *name;
    bool written;
    int64_t element_size;
    int64_t alignment; /* of its address and strides, in bytes */
    int64_t steps;     /* pages, parts or padded rows; 1 without */
    int64_t tokens;
    int64_t heads;
    int64_t dim;
} view_shape;

typedef enum view_reach {
    VIEW_BACKED = 0, /* the target has the memory of every element */
    VIEW_BEYOND,     /* it has not: such a call must not run */
    VIEW_IMPOSSIBLE  /* no tensor can be so: such a call must be refused */
} view_reach;

/* Strides are resolved, in elements: 0 = expanded. */
typedef struct tensor_view {
    view_shape shape;
    char *data;
    int64_t step_stride;
    int64_t token_stride;
    int64_t head_stride;
    view_reach reach;
} tensor_view;

tensor_view view_read(const view_shape *shape, const varlen_tensor *given, int64_t step_stride);

int64_t view_row_bytes(const tensor_view *view); /* of one head */
char *view_row(const tensor_view *view, int64_t step, int64_t token, int64_t head);

/* For all heads of one token: arena_permit and arena_accept. */
void view_permit(const tensor_view *view, int64_t step, int64_t token);
void view_accept(const tensor_view *view, int64_t step, int64_t token);
void view_permit_all(const tensor_view *view);
void view_accept_all(const tensor_view *view);

/* One row of one head as it was when the arena was sealed, and as it is now. */
void view_load_before(const tensor_view *view, varlen_dtype dtype, int64_t step, int64_t token, int64_t head,
                      double *row);
void view_load(const tensor_view *view, varlen_dtype dtype, int64_t step, int64_t token, int64_t head, double *row);

/* A valid tensor in a block of its own: dense, padded, heads outermost, or, where it is read, expanded. *step_stride is
 * NULL where there is one step. The block is full of NaN. */
varlen_tensor view_place(fuzz_input *input, const view_shape *shape, int64_t *step_stride);

/* Of a call that a target runs. Wider rows are legal, and refused by backends that have a limit. */
enum { VIEW_WIDEST = 1024 };

static inline bool view_dim_is_legal(int32_t dim)
{
    return dim >= 8 && dim % 8 == 0;
}

#endif
