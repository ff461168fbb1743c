/* varlen_kv_append on a quantised cache: its scales, and rows within a rounding of what they stand for; see append.h.
 */
#include "append.h"
#include "dtypes.h"

#include <math.h>

static strided_tensor place_scales(append_call *call, const append_case *row, const append_metadata *metadata,
                                   const char *name)
{
    const int64_t heads = append_kv_heads(row);
    strided_tensor scales = {.shape = {name, VARLEN_FLOAT32, metadata->pages, metadata->page_rows, (int32_t)heads, 1}};
    if (row->scales_given) {
        float given[16];
        for (int64_t head = 0; head < heads; head++)
            given[head] = 1.0f / (float)(row->scales == SCALES_PER_HEAD ? 40 + 20 * head : 50);
        scales.strides.head = row->scales == SCALES_PER_HEAD;
        if (row->scales != SCALES_NONE)
            scales.block = block_add_copy(&call->blocks, name, given, heads * (int64_t)sizeof *given);
        return scales;
    }
    scales.strides = (tensor_strides){.token = heads + 1, .head = 1};
    scales.strides.page = row->page_size ? metadata->page_rows * (heads + 1) + 2 : 0;
    scales.block = block_add(&call->blocks, name,
                             tensor_extent(&scales.shape, &scales.strides) * (int64_t)sizeof(float), BLOCK_OUTPUT_FILL);
    return scales;
}

void append_give_scales(append_call *call, const append_case *row, const append_metadata *metadata)
{
    varlen_kv_append_args *args = &call->args;
    if (!row->cache_dtype)
        return;
    call->k_scale = place_scales(call, row, metadata, "k_scale");
    args->k_scale = block_data(call->k_scale.block);
    args->k_scale_token_stride = call->k_scale.strides.token;
    args->k_scale_head_stride = call->k_scale.strides.head;
    args->k_scale_page_stride = call->k_scale.strides.page;
    if (row->keys_alone)
        return;
    call->v_scale = place_scales(call, row, metadata, "v_scale");
    args->v_scale = block_data(call->v_scale.block);
    args->v_scale_token_stride = call->v_scale.strides.token;
    args->v_scale_head_stride = call->v_scale.strides.head;
    args->v_scale_page_stride = call->v_scale.strides.page;
}

/* Of a row of `dim` numbers, which a rotation has made a little uncertain; NaN if one is not finite. */
static double scale_of(varlen_dtype dtype, const double *row, int32_t dim)
{
    double largest = 0;
    for (int32_t e = 0; e < dim; e++) {
        if (!isfinite(row[e]))
            return NAN;
        largest = fmax(largest, fabs(row[e]));
    }
    return largest > 0 ? fmax(largest / dtype_largest(dtype), 0x1p-126) : 1;
}

/* One head of one row. */
typedef struct quantized_head {
    const char *name;
    int64_t row;
    int32_t head;
    int32_t dim;
    const double *given;
    const double *got;
    double scale;
    double slack; /* of a given number */
} quantized_head;

static void check_elements(case_trial *trial, varlen_dtype dtype, const quantized_head *at)
{
    const double largest = dtype_largest(dtype) * at->scale;
    for (int32_t e = 0; e < at->dim; e++) {
        const double want = fmax(-largest, fmin(largest, at->given[e]));
        const double error = fabs(at->got[e] * at->scale - want);
        const double bound = dtype_step(dtype, want / at->scale) * at->scale / 2 * (1 + 0x1p-16) + at->slack;
        if (!(error <= bound))
            trial_fail(trial,
                       "%s: new row %lld, head %d, element %d: %.9g times %.9g stands for %.9g, off by %.3g where "
                       "half a step is %.3g",
                       at->name, (long long)at->row, (int)at->head, (int)e, at->got[e], at->scale, want, error, bound);
    }
}

static void check_scale(case_trial *trial, const quantized_head *at, double want)
{
    if (isnan(want) ? !isnan(at->scale) : !(fabs(at->scale - want) <= 0x1p-19 * want))
        trial_fail(trial, "%s: new row %lld, head %d: the scale is %.9g in place of %.9g", at->name, (long long)at->row,
                   (int)at->head, at->scale, want);
}

/* Where scales are written, a row that has no scale has nothing to compare. */
static void check_head(case_trial *trial, const append_case *row, const append_quantized *rows, quantized_head *at)
{
    const double want = scale_of(row->cache_dtype, at->given, at->dim);
    at->slack = rows->rotated ? 0x1p-20 * want * dtype_largest(row->cache_dtype) : 0;
    if (!row->scales_given)
        check_scale(trial, at, want);
    if (row->scales_given || !isnan(want))
        check_elements(trial, row->cache_dtype, at);
}

void append_check_quantized(case_trial *trial, const append_case *row, const append_metadata *metadata,
                            const append_quantized *rows)
{
    const int32_t heads = append_kv_heads(row);
    double *scales = TRIAL_TAKE(trial, heads, double);
    for (int32_t b = 0; b < row->lens_new.count; b++)
        for (int64_t n = metadata->cu_seqlens_new[b]; n < metadata->cu_seqlens_new[b + 1]; n++) {
            for (int32_t head = 0; head < heads; head++)
                scales[head] = 1;
            if (rows->scales->block)
                tensor_load_row(rows->scales, append_cache_row(row, metadata, b, n - metadata->cu_seqlens_new[b]),
                                scales);
            for (int32_t head = 0; head < heads; head++) {
                const int64_t at = (n * heads + head) * rows->dim;
                quantized_head one = {.name = rows->name,
                                      .row = n,
                                      .head = head,
                                      .dim = rows->dim,
                                      .given = rows->given + at,
                                      .got = rows->got + at,
                                      .scale = scales[head]};
                check_head(trial, row, rows, &one);
            }
        }
}
