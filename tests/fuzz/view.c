/* Tensors by the header's words; see view.h. */
#include "view.h"

#include "arena.h"

#include "conformance/dtypes.h"

#include <string.h>

/* Along one dimension: whether a stride that was given can be, and what it means. Dense strides are the caller's. */
static int64_t resolve(const view_shape *shape, int64_t count, int64_t given, int64_t dense, bool *possible)
{
    if (count <= 1 || given == 0)
        return dense;
    if (given == VARLEN_EXPANDED) {
        *possible = *possible && !shape->written;
        return 0;
    }
    *possible = *possible && given >= shape->dim && given % (shape->alignment / shape->element_size ?: 1) == 0;
    return given;
}

/* A stride of 0 means dense, which a neighbour can contradict. */
static bool contradicts(const tensor_view *view, const varlen_tensor *given)
{
    const view_shape *shape = &view->shape;
    if (shape->heads <= 1 || shape->tokens <= 1 || given->token_stride == VARLEN_EXPANDED ||
        given->head_stride == VARLEN_EXPANDED)
        return false;
    if (given->token_stride == 0)
        return view->head_stride != shape->dim;
    return given->head_stride == 0 && view->token_stride < shape->heads * shape->dim;
}

static view_reach reach_of(const tensor_view *view)
{
    const view_shape *shape = &view->shape;
    if (shape->steps == 0 || shape->tokens == 0 || shape->heads == 0)
        return VIEW_BACKED;
    if (!view->data || (uintptr_t)view->data % (uintptr_t)shape->alignment != 0)
        return VIEW_IMPOSSIBLE;
    const __int128 elements = (__int128)(shape->steps - 1) * view->step_stride +
                              (__int128)(shape->tokens - 1) * view->token_stride +
                              (__int128)(shape->heads - 1) * view->head_stride + shape->dim;
    const __int128 end = elements * shape->element_size + (__int128)(uintptr_t)view->data;
    if (elements * shape->element_size > INT64_MAX || end > UINTPTR_MAX)
        return VIEW_IMPOSSIBLE;
    return arena_holds(view->data, (int64_t)elements * shape->element_size) ? VIEW_BACKED : VIEW_BEYOND;
}

tensor_view view_read(const view_shape *shape, const varlen_tensor *given, int64_t step_stride)
{
    bool possible = true;
    tensor_view view = {.shape = *shape, .data = given->data};
    view.head_stride = resolve(shape, shape->heads, given->head_stride, shape->dim, &possible);
    const bool is_expanded = shape->heads > 1 && given->head_stride == VARLEN_EXPANDED;
    const int64_t dense = is_expanded ? shape->dim : shape->heads * shape->dim;
    /* A page of one token is as long as its stride, if nothing else says how long it is. */
    const bool measures = shape->tokens == 1 && shape->steps > 1 && step_stride == 0;
    view.token_stride = resolve(shape, measures ? 2 : shape->tokens, given->token_stride, dense, &possible);
    int64_t page;
    possible = possible && !__builtin_mul_overflow(shape->tokens, view.token_stride, &page);
    if (possible && view.token_stride == 0)
        page = dense; /* of tokens that are expanded there is one */
    view.step_stride = possible ? resolve(shape, shape->steps, step_stride, page, &possible) : 0;
    view.reach = possible && !contradicts(&view, given) ? reach_of(&view) : VIEW_IMPOSSIBLE;
    if (shape->steps == 0 || shape->tokens == 0)
        view.reach = VIEW_BACKED; /* of no elements, whatever its strides; they may be refused */
    return view;
}

int64_t view_row_bytes(const tensor_view *view)
{
    return view->shape.dim * view->shape.element_size;
}

char *view_row(const tensor_view *view, int64_t step, int64_t token, int64_t head)
{
    return view->data + (step * view->step_stride + token * view->token_stride + head * view->head_stride) *
                            view->shape.element_size;
}

void view_permit(const tensor_view *view, int64_t step, int64_t token)
{
    if (view->head_stride == view->shape.dim) {
        arena_permit(view_row(view, step, token, 0), (size_t)(view->shape.heads * view_row_bytes(view)));
        return;
    }
    for (int64_t head = 0; head < view->shape.heads; head++)
        arena_permit(view_row(view, step, token, head), (size_t)view_row_bytes(view));
}

void view_accept(const tensor_view *view, int64_t step, int64_t token)
{
    for (int64_t head = 0; head < view->shape.heads; head++)
        arena_accept(view_row(view, step, token, head), (size_t)view_row_bytes(view));
}

static void for_all(const tensor_view *view, void (*act)(const tensor_view *, int64_t, int64_t))
{
    for (int64_t step = 0; step < view->shape.steps; step++)
        for (int64_t token = 0; token < view->shape.tokens; token++)
            act(view, step, token);
}

void view_permit_all(const tensor_view *view)
{
    for_all(view, view_permit);
}

void view_accept_all(const tensor_view *view)
{
    for_all(view, view_accept);
}

static void load(const tensor_view *view, varlen_dtype dtype, const char *elements, double *row)
{
    const float *floats = (const float *)elements;
    for (int64_t n = 0; n < view->shape.dim && dtype == VARLEN_FLOAT32; n++)
        row[n] = floats[n];
    for (int64_t n = 0; n < view->shape.dim && dtype != VARLEN_FLOAT32; n++)
        row[n] = dtype_load(dtype, elements + n * view->shape.element_size);
}

void view_load_before(const tensor_view *view, varlen_dtype dtype, int64_t step, int64_t token, int64_t head,
                      double *row)
{
    load(view, dtype, arena_before(view_row(view, step, token, head)), row);
}

void view_load(const tensor_view *view, varlen_dtype dtype, int64_t step, int64_t token, int64_t head, double *row)
{
    load(view, dtype, view_row(view, step, token, head), row);
}

/* What the layouts need to know of a shape, in elements. */
typedef struct placing {
    const view_shape *shape;
    int64_t unit; /* strides are multiples of it */
    varlen_tensor tensor;
    int64_t step_stride;
    bool is_explicit;
} placing;

static int64_t padding(fuzz_input *input, const placing *to)
{
    return to->unit * INPUT_PICK(input, 0, 1, 1, 2, 3, 5, 8, 16);
}

static void lay_dense(placing *to)
{
    to->tensor.head_stride = to->shape->dim;
    to->tensor.token_stride = to->shape->heads * to->shape->dim;
}

static void lay_padded(fuzz_input *input, placing *to)
{
    to->tensor.head_stride = (to->shape->dim + to->unit - 1) / to->unit * to->unit + padding(input, to);
    to->tensor.token_stride = to->shape->heads * to->tensor.head_stride + padding(input, to);
}

static void lay_heads_outermost(fuzz_input *input, placing *to)
{
    to->tensor.token_stride = (to->shape->dim + to->unit - 1) / to->unit * to->unit + padding(input, to);
    to->tensor.head_stride = to->shape->tokens * to->tensor.token_stride + padding(input, to);
}

static void lay_out(fuzz_input *input, placing *to)
{
    const int32_t kind = to->shape->dim % to->unit ? 2 : input_below(input, 8);
    if (kind == 2 || kind == 3)
        lay_padded(input, to);
    else if (kind == 4)
        lay_heads_outermost(input, to);
    else
        lay_dense(to);
    to->is_explicit = kind > 0;
    to->step_stride = to->shape->tokens * to->tensor.token_stride;
    if (kind == 4)
        to->step_stride = to->shape->heads * to->tensor.head_stride;
    if (kind > 1)
        to->step_stride += padding(input, to);
    if (kind == 5 && !to->shape->written) {
        to->tensor.head_stride = VARLEN_EXPANDED;
        to->tensor.token_stride = to->shape->dim;
    }
    if (kind == 6 && !to->shape->written && to->shape->steps == 1)
        to->tensor.token_stride = VARLEN_EXPANDED;
}

static int64_t steps_of(int64_t count, int64_t stride)
{
    return stride == VARLEN_EXPANDED || count < 1 ? 0 : (count - 1) * stride;
}

/* The stride of a dimension with one step is not looked at. */
static void spoil_unused(const view_shape *shape, varlen_tensor *tensor)
{
    if (shape->heads == 1)
        tensor->head_stride = 3;
    if (shape->tokens == 1)
        tensor->token_stride = -7;
}

varlen_tensor view_place(fuzz_input *input, const view_shape *shape, int64_t *step_stride)
{
    const int64_t unit = shape->alignment > shape->element_size ? shape->alignment / shape->element_size : 1;
    placing to = {.shape = shape, .unit = unit};
    lay_out(input, &to);
    const bool is_empty = shape->steps == 0 || shape->tokens == 0;
    const int64_t elements = steps_of(shape->steps, to.step_stride) + steps_of(shape->tokens, to.tensor.token_stride) +
                             steps_of(shape->heads, to.tensor.head_stride) + shape->dim;
    const size_t bytes = is_empty ? 0 : (size_t)(elements * shape->element_size);
    const size_t offset = (size_t)(shape->alignment * INPUT_PICK(input, 0, 0, 1, 2, 3));
    to.tensor.data = arena_take(shape->name, bytes, offset);
    if (is_empty && input_chance(input, 128))
        to.tensor.data = NULL;
    if (step_stride)
        *step_stride = to.is_explicit && shape->steps > 1 ? to.step_stride : 0;
    if (!to.is_explicit)
        to.tensor.token_stride = to.tensor.head_stride = 0;
    else if (input_chance(input, 16))
        spoil_unused(shape, &to.tensor);
    return to.tensor;
}
