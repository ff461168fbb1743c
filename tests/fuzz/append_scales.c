/* Scales of a quantised cache; see append_scales.h. */
#include "append_scales.h"

#include "arena.h"
#include "finding.h"
#include "numbers.h"

#include "conformance/dtypes.h"

#include <math.h>

static view_shape shape_of(const varlen_kv_append_args *a, const char *name)
{
    return (view_shape){.name = name,
                        .written = !a->scales_given,
                        .element_size = sizeof(float),
                        .alignment = sizeof(float),
                        .steps = a->page_size > 0 ? a->page_count : 1,
                        .tokens = a->page_size > 0 ? a->page_size : a->total_k,
                        .heads = a->kv_heads,
                        .dim = 1};
}

/* Those of keys or of values. */
typedef struct scales {
    float *data;
    int64_t token_stride;
    int64_t head_stride;
    int64_t page_stride;
} scales;

static scales make(fuzz_input *input, const varlen_kv_append_args *a, const char *name)
{
    if (a->scales_given && input_chance(input, 48))
        return (scales){0}; /* all are 1 */
    const view_shape shape = shape_of(a, name);
    int64_t page_stride = 0;
    varlen_tensor tensor = view_place(input, &shape, a->page_size ? &page_stride : NULL);
    if (a->scales_given)
        numbers_fill_newest(VARLEN_FLOAT32);
    if (!tensor.data)
        tensor.data = arena_take(name, 0, 0);
    const tensor_view view = view_read(&shape, &tensor, page_stride);
    return (scales){tensor.data, view.token_stride, view.head_stride, a->page_size ? view.step_stride : 0};
}

void append_scales_make(fuzz_input *input, varlen_kv_append_args *args)
{
    const scales k = make(input, args, "k_scale");
    args->k_scale = k.data;
    args->k_scale_token_stride = k.token_stride;
    args->k_scale_head_stride = k.head_stride;
    args->k_scale_page_stride = k.page_stride;
    if (!args->v_cache.data && !args->v_new.data)
        return;
    const scales v = make(input, args, "v_scale");
    args->v_scale = v.data;
    args->v_scale_token_stride = v.token_stride;
    args->v_scale_head_stride = v.head_stride;
    args->v_scale_page_stride = v.page_stride;
}

/* A stride of 0 is a scale that rows share, where it leads to more than one. */
static int64_t stride_of(int64_t given)
{
    return given == 0 ? VARLEN_EXPANDED : given;
}

static tensor_view expect_scales(append_model *model, const char *name, const scales *s)
{
    const varlen_kv_append_args *a = model->args;
    const bool without = s->token_stride == 0 && s->head_stride == 0 && s->page_stride == 0;
    const bool possible = s->token_stride >= 0 && s->head_stride >= 0 && s->page_stride >= 0;
    const varlen_tensor tensor = {s->data, stride_of(s->token_stride), stride_of(s->head_stride)};
    const view_shape shape = shape_of(a, name);
    expect_rule(&model->expected, s->data ? possible && a->cache_dtype != 0 : without, name);
    expect_rule(&model->expected, a->page_size > 0 || s->page_stride == 0, name);
    expect_rule(&model->expected, (uintptr_t)s->data % sizeof(float) == 0, name);
    if (!s->data || !possible)
        return (tensor_view){.data = NULL};
    const tensor_view view = view_read(&shape, &tensor, stride_of(s->page_stride));
    expect_view(&model->expected, &view);
    return view;
}

void append_scales_expect(append_model *model)
{
    const varlen_kv_append_args *a = model->args;
    const scales k = {a->k_scale, a->k_scale_token_stride, a->k_scale_head_stride, a->k_scale_page_stride};
    const scales v = {a->v_scale, a->v_scale_token_stride, a->v_scale_head_stride, a->v_scale_page_stride};
    const bool written = a->cache_dtype && !a->scales_given;
    const bool is_empty = a->total_new == 0 && (a->page_size > 0 ? a->page_count : a->total_k) == 0;
    expect_rule(&model->expected, !written || a->k_scale, "k_scale, which is written");
    expect_rule(&model->expected, !written || a->v_scale || !model->has_values, "v_scale, which is written");
    expect_rule(&model->expected, !a->v_scale || model->has_values || is_empty, "v_scale without values");
    model->k_scale = expect_scales(model, "k_scale", &k);
    model->v_scale = expect_scales(model, "v_scale", &v);
}

void append_scales_permit(const append_model *model, int64_t page, int64_t token)
{
    if (model->k_scale.data)
        view_permit(&model->k_scale, page, token);
    if (model->v_scale.data)
        view_permit(&model->v_scale, page, token);
}

void append_scales_accept(const append_model *model, int64_t page, int64_t token)
{
    if (model->k_scale.data && !model->args->scales_given)
        view_accept(&model->k_scale, page, token);
    if (model->v_scale.data && !model->args->scales_given)
        view_accept(&model->v_scale, page, token);
}

/* The largest of a row's magnitudes; NaN where one is not a number, or too large or small to be judged. */
static double magnitude_of(const quantized_head *at)
{
    double largest = 0;
    for (int64_t n = 0; n < at->cache->shape.dim; n++) {
        if (!(fabs(at->want[n]) < 1e4))
            return NAN;
        largest = fmax(largest, fabs(at->want[n]));
    }
    return largest == 0 || largest > 1e-6 ? largest : NAN;
}

/* NaN where there is no judging by it. */
static double scale_of(const append_model *model, const quantized_head *at, double magnitude)
{
    double scale = 1;
    if (model->args->scales_given) {
        if (at->scales->data)
            view_load_before(at->scales, VARLEN_FLOAT32, at->page, at->token, at->head, &scale);
        return fabs(scale) > 1e-6 && fabs(scale) < 1e6 ? scale : NAN;
    }
    const double want = magnitude > 0 ? magnitude / dtype_largest(model->args->cache_dtype) : 1;
    view_load(at->scales, VARLEN_FLOAT32, at->page, at->token, at->head, &scale);
    if (!(fabs(scale - want) <= 0x1p-19 * want))
        finding("%s: page %lld, row %lld, head %lld: expected %.9g, got %.9g", at->scales->shape.name,
                (long long)at->page, (long long)at->token, (long long)at->head, want, scale);
    return scale;
}

void append_scales_judge(const append_model *model, const quantized_head *at)
{
    const varlen_dtype dtype = model->args->cache_dtype;
    const double magnitude = magnitude_of(at);
    if (isnan(magnitude))
        return;
    const double scale = scale_of(model, at, magnitude), largest = dtype_largest(dtype) * fabs(scale);
    if (isnan(scale))
        return;
    double got[VIEW_WIDEST];
    view_load(at->cache, dtype, at->page, at->token, at->head, got);
    for (int64_t n = 0; n < at->cache->shape.dim; n++) {
        const double want = fmax(-largest, fmin(largest, at->want[n]));
        const double bound =
            dtype_step(dtype, want / scale) * fabs(scale) / 2 * (1 + 0x1p-16) + at->slack[n] + fabs(want) * 0x1p-20;
        if (!(fabs(got[n] * scale - want) <= bound))
            finding("%s: page %lld, row %lld, head %lld, element %lld: %.9g times %.9g stands for %.9g",
                    at->cache->shape.name, (long long)at->page, (long long)at->token, (long long)at->head, (long long)n,
                    got[n], scale, want);
    }
}
