/* The rules of varlen_tensor and of its scales: addresses, strides, extent, and rows of outputs that must not overlap.
 */
#include "rules_tensor.h"

#include <inttypes.h>
#include <stdio.h>

#include "checked_size.h"
#include "rule.h"

/* How a stride was given. */
typedef enum stride_kind {
    STRIDE_GIVEN,
    STRIDE_DENSE,    /* as 0 */
    STRIDE_EXPANDED, /* as VARLEN_EXPANDED */
    STRIDE_UNUSED    /* nothing depends on it */
} stride_kind;

/* One dimension of a tensor, but for the innermost. */
typedef struct dimension {
    const char *tensor; /* "k" */
    const char *field;  /* "head_stride"; or all of the name, and no tensor */
    int64_t count;
    int64_t *stride;
    stride_kind kind;
} dimension;

enum { MAX_DIMENSIONS = 3 };

/* "k.head_stride": made where a sentence needs it. */
typedef struct dimension_name {
    char text[48];
} dimension_name;

static dimension_name name_of(const dimension *along)
{
    dimension_name name;
    snprintf(name.text, sizeof name.text, "%s%s%s", along->tensor ? along->tensor : "", along->tensor ? "." : "",
             along->field);
    return name;
}

static bool is_left_out(const dimension *along)
{
    return along->count > 1 && *along->stride == 0;
}

/* Dimension `i`: one with a single step matters only to pages, parts or padded rows whose own stride is left out. */
static stride_kind kind_of(const dimension *dimensions, int count, int i, bool empty)
{
    const dimension *along = &dimensions[i];
    const bool measures_the_outer = i > 0 && i + 1 < count && is_left_out(&dimensions[i + 1]);
    if (empty || (along->count == 1 && !measures_the_outer))
        return STRIDE_UNUSED;
    if (*along->stride == 0)
        return STRIDE_DENSE;
    return *along->stride == VARLEN_EXPANDED ? STRIDE_EXPANDED : STRIDE_GIVEN;
}

static varlen_status check_stride(const varlen_tensor_rule *rule, const dimension *along)
{
    const int64_t stride = *along->stride;
    const int64_t elements = rule->alignment / rule->element_size;
    /* Its steps would all be written to the same row. */
    VARLEN_RULE(along->kind != STRIDE_EXPANDED || !rule->written, INVALID_ARGUMENT,
                "%s = VARLEN_EXPANDED (-1), but %s is written", name_of(along).text, rule->name);
    VARLEN_RULE(along->kind != STRIDE_EXPANDED || !rule->unexpanded, INVALID_ARGUMENT,
                "%s = VARLEN_EXPANDED (-1), but features has no VARLEN_FEATURE_EXPANDED", name_of(along).text);
    if (along->kind != STRIDE_GIVEN)
        return VARLEN_OK;
    /* Below it, rows would share elements; below 0, offsets would leave the tensor at its front. */
    VARLEN_RULE(stride >= rule->dim, INVALID_ARGUMENT,
                "%s = %" PRId64 " is below the dim = %" PRId64 " elements of a row", name_of(along).text, stride,
                rule->dim);
    VARLEN_RULE(stride % elements == 0, INVALID_ARGUMENT,
                "%s = %" PRId64 " is not a multiple of %" PRId64 " bytes (%" PRId64 " elements)", name_of(along).text,
                stride, rule->alignment, elements);
    return VARLEN_OK;
}

/* What backends get; they count in bytes. `dense`: from one step to the next, where steps follow one another without a
 * gap. */
static varlen_status resolve_stride(const varlen_tensor_rule *rule, dimension *along, int64_t dense)
{
    const bool is_in_reach = varlen_size_product(dense, rule->element_size) < VARLEN_SIZE_TOO_LARGE;
    if (along->kind == STRIDE_EXPANDED)
        *along->stride = 0;
    if (along->kind == STRIDE_UNUSED)
        *along->stride = is_in_reach ? dense : 0; /* multiplied by 0, but it must not overflow before that */
    if (along->kind == STRIDE_DENSE)
        *along->stride = dense;
    VARLEN_RULE(along->kind != STRIDE_DENSE || is_in_reach, INVALID_ARGUMENT,
                "%s = 0 stands for a dense stride, which takes %s past the end of the address space",
                name_of(along).text, rule->name);
    return VARLEN_OK;
}

/* The dense stride of the dimension outside `along`. Heads touch in a dense token; tokens need not touch in a page. */
static int64_t dense_outside(const varlen_tensor_rule *rule, const dimension *along, bool is_innermost, int64_t dense)
{
    if (along->kind == STRIDE_EXPANDED)
        return dense;
    return varlen_size_product(along->count, is_innermost ? rule->dim : *along->stride);
}

static varlen_status resolve_strides(const varlen_tensor_rule *rule, dimension *dimensions, int count, bool empty)
{
    int64_t dense = rule->dim;
    for (int i = 0; i < count; i++) {
        dimension *along = &dimensions[i];
        along->kind = kind_of(dimensions, count, i, empty);
        VARLEN_TRY(check_stride(rule, along));
        VARLEN_TRY(resolve_stride(rule, along, dense));
        dense = dense_outside(rule, along, i == 0, dense);
    }
    return VARLEN_OK;
}

static varlen_status check_address(const varlen_tensor_rule *rule, const varlen_tensor *tensor, bool empty)
{
    /* Frameworks hand out NULL for tensors without elements. */
    VARLEN_RULE(tensor->data || empty, INVALID_ARGUMENT, "%s.data is NULL, but %s is not empty", rule->name,
                rule->name);
    VARLEN_RULE((uintptr_t)tensor->data % (uintptr_t)rule->alignment == 0, INVALID_ARGUMENT,
                "%s.data = %p is not aligned to %" PRId64 " bytes", rule->name, tensor->data, rule->alignment);
    return VARLEN_OK;
}

/* How far all steps along a dimension lead, one more than there are. */
static int64_t reach_of(const dimension *along)
{
    return along->kind == STRIDE_UNUSED ? 0 : varlen_size_product(along->count, *along->stride);
}

/* Offsets are computed in 64 bits; the last byte must be within their reach. */
static varlen_status check_extent(const varlen_tensor_rule *rule, const dimension *dimensions, int count,
                                  uintptr_t address)
{
    const dimension *longest = &dimensions[0];
    int64_t extent = rule->dim;
    for (int i = 0; i < count; i++) {
        longest = reach_of(&dimensions[i]) > reach_of(longest) ? &dimensions[i] : longest;
        extent = varlen_size_sum(extent, reach_of(&dimensions[i]));
    }
    extent = varlen_size_product(extent, rule->element_size);
    uintptr_t end;
    VARLEN_RULE(extent < VARLEN_SIZE_TOO_LARGE && !__builtin_add_overflow(address, (uintptr_t)extent, &end),
                INVALID_ARGUMENT, "%s = %" PRId64 " (times %" PRId64 ") takes %s past the end of the address space",
                name_of(longest).text, *longest->stride, longest->count, rule->name);
    return VARLEN_OK;
}

/* A stride of 0 stands for a dense one: what lies outside must step over it, and what lies inside must fit in. Where
 * the 0 is a framework's expansion, other rows would be read in silence. */
static varlen_status check_agreement(const varlen_tensor_rule *rule, const dimension *dense, const dimension *given,
                                     bool given_is_outside)
{
    const int64_t span = dense->count * *dense->stride;
    const int64_t inside = given->count * *given->stride;
    if (dense->kind != STRIDE_DENSE || given->kind != STRIDE_GIVEN)
        return VARLEN_OK;
    VARLEN_RULE(!given_is_outside || *given->stride >= span, INVALID_ARGUMENT,
                "%s = %" PRId64 " is below the %" PRId64 " elements that %s = 0, which means dense, takes%s",
                name_of(given).text, *given->stride, span, name_of(dense).text,
                rule->written ? "" : ": the stride of an expanded dimension is VARLEN_EXPANDED (-1)");
    VARLEN_RULE(given_is_outside || *dense->stride >= inside, INVALID_ARGUMENT,
                "%s = 0 means dense, %" PRId64 " elements, which is below the %" PRId64 " that %s = %" PRId64
                " takes: give both",
                name_of(dense).text, *dense->stride, inside, name_of(given).text, *given->stride);
    return VARLEN_OK;
}

static varlen_status check_agreements(const varlen_tensor_rule *rule, const dimension *dimensions, int count)
{
    for (int inner = 0; inner < count; inner++)
        for (int outer = inner + 1; outer < count; outer++) {
            VARLEN_TRY(check_agreement(rule, &dimensions[inner], &dimensions[outer], true));
            VARLEN_TRY(check_agreement(rule, &dimensions[outer], &dimensions[inner], false));
        }
    return VARLEN_OK;
}

/* Rows that overlap would be written by two threads at once, and keep neither's result. Sorted by stride, each
 * dimension must step over all that lies inside it. Interleavings that are free of overlap in other ways are refused.
 */
static varlen_status check_rows_apart(const varlen_tensor_rule *rule, const dimension *dimensions, int count)
{
    const dimension *sorted[MAX_DIMENSIONS];
    for (int i = 0; i < count; i++) {
        int place = i;
        for (; place > 0 && *sorted[place - 1]->stride > *dimensions[i].stride; place--)
            sorted[place] = sorted[place - 1];
        sorted[place] = &dimensions[i];
    }
    int64_t extent = rule->dim;
    for (int i = 0; i < count; i++) {
        if (sorted[i]->count == 1)
            continue;
        VARLEN_RULE(*sorted[i]->stride >= extent, INVALID_ARGUMENT,
                    "%s = %" PRId64 " is below the %" PRId64
                    " elements that dimensions inside it take, so that rows of %s, "
                    "which is written, overlap",
                    name_of(sorted[i]).text, *sorted[i]->stride, extent, rule->name);
        extent += (sorted[i]->count - 1) * *sorted[i]->stride;
    }
    return VARLEN_OK;
}

static void add_extent(const varlen_tensor_rule *rule, const varlen_tensor *tensor, const dimension *dimensions,
                       int count, varlen_extents *extents)
{
    varlen_extents_add(extents, rule->name, tensor->data, rule->dim * rule->element_size, rule->written);
    for (int i = 0; i < count; i++)
        varlen_extents_repeat(extents, dimensions[i].count, *dimensions[i].stride * rule->element_size);
}

static varlen_status check_dimensions(const varlen_tensor_rule *rule, const varlen_tensor *tensor,
                                      dimension *dimensions, int count, varlen_extents *extents)
{
    bool empty = false;
    for (int i = 0; i < count; i++)
        empty = empty || dimensions[i].count == 0;
    VARLEN_TRY(resolve_strides(rule, dimensions, count, empty));
    VARLEN_TRY(check_address(rule, tensor, empty));
    if (empty)
        return VARLEN_OK;
    VARLEN_TRY(check_extent(rule, dimensions, count, (uintptr_t)tensor->data));
    VARLEN_TRY(check_agreements(rule, dimensions, count));
    if (rule->written)
        VARLEN_TRY(check_rows_apart(rule, dimensions, count));
    add_extent(rule, tensor, dimensions, count, extents);
    return VARLEN_OK;
}

varlen_status varlen_check_tensor(const varlen_tensor_rule *rule, varlen_tensor *tensor, varlen_extents *extents)
{
    varlen_tensor_rule single = *rule;
    int64_t stride = 0;
    single.stride_name = NULL;
    single.count = 1;
    return varlen_check_stacked_tensor(&single, tensor, &stride, extents);
}

varlen_status varlen_check_stacked_tensor(const varlen_tensor_rule *rule, varlen_tensor *tensor, int64_t *stride,
                                          varlen_extents *extents)
{
    dimension dimensions[MAX_DIMENSIONS] = {
        {.tensor = rule->name, .field = "head_stride", .count = rule->heads, .stride = &tensor->head_stride},
        {.tensor = rule->name, .field = "token_stride", .count = rule->tokens, .stride = &tensor->token_stride},
        {.field = rule->stride_name, .count = rule->count, .stride = stride},
    };
    return check_dimensions(rule, tensor, dimensions, rule->stride_name ? MAX_DIMENSIONS : MAX_DIMENSIONS - 1, extents);
}

/* From a stride of scales to that of a tensor, where 0 is dense. */
static varlen_status read_scale_stride(const dimension *along, bool written)
{
    const int64_t stride = *along->stride;
    /* Below 0, offsets would leave the array at its front. */
    VARLEN_RULE(stride >= 0, INVALID_ARGUMENT, "%s = %" PRId64 " is below 0", along->field, stride);
    /* Every row has its own scale, which another row's would overwrite. */
    VARLEN_RULE(stride > 0 || !written || along->count <= 1, INVALID_ARGUMENT,
                "%s = 0 is a scale that rows share, but scales are written", along->field);
    if (stride == 0)
        *along->stride = VARLEN_EXPANDED;
    return VARLEN_OK;
}

/* Strides of scales that are not there: the scales were forgotten. */
static varlen_status check_no_scales(const varlen_scales *scales, const dimension *dimensions)
{
    for (int i = 0; i < MAX_DIMENSIONS; i++)
        VARLEN_RULE(*dimensions[i].stride == 0, INVALID_ARGUMENT, "%s = %" PRId64 " must be 0 without %s",
                    dimensions[i].field, *dimensions[i].stride, scales->name);
    return VARLEN_OK;
}

varlen_status varlen_check_scales(const varlen_scales *scales, const varlen_tensor_rule *rows, bool allowed,
                                  const char *dtype_name, varlen_extents *extents)
{
    varlen_tensor view = {.data = (void *)(uintptr_t)scales->data};
    const varlen_tensor_rule rule = {.name = scales->name,
                                     .element_size = sizeof(float),
                                     .alignment = sizeof(float),
                                     .written = rows->written,
                                     .tokens = rows->tokens,
                                     .heads = rows->heads,
                                     .dim = 1,
                                     .count = rows->count};
    dimension dimensions[MAX_DIMENSIONS] = {
        {.field = scales->head_stride_name, .count = rows->heads, .stride = scales->head_stride},
        {.field = scales->token_stride_name, .count = rows->tokens, .stride = scales->token_stride},
        {.field = scales->page_stride_name, .count = rows->count, .stride = scales->page_stride},
    };
    if (!scales->data)
        return check_no_scales(scales, dimensions);
    /* They would be dropped silently. */
    VARLEN_RULE(allowed, INVALID_ARGUMENT, "%s is given, but %s = 0", scales->name, dtype_name);
    VARLEN_RULE(rows->stride_name || *scales->page_stride == 0, INVALID_ARGUMENT,
                "%s = %" PRId64 " must be 0 without paging", scales->page_stride_name, *scales->page_stride);
    VARLEN_RULE((uintptr_t)scales->data % sizeof(float) == 0, INVALID_ARGUMENT,
                "%s = %p is not aligned to its elements' %zu bytes", scales->name, (const void *)scales->data,
                sizeof(float));
    for (int i = 0; i < MAX_DIMENSIONS; i++)
        VARLEN_TRY(read_scale_stride(&dimensions[i], rule.written));
    return check_dimensions(&rule, &view, dimensions, MAX_DIMENSIONS, extents);
}
