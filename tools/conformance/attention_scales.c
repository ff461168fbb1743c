/* The scales of quantised keys and values of an attention problem. */
#include "attention_batch.h"

#include <math.h>

varlen_dtype batch_kv_dtype(const attention_batch *batch)
{
    return batch->attention.kv_dtype ? batch->attention.kv_dtype : batch->attention.dtype;
}

double batch_amplitude(varlen_dtype kv_dtype, scale_kind kind)
{
    if (kind == SCALES_NONE)
        return 1;
    return kv_dtype == VARLEN_FLOAT8_E5M2 ? 4000 : 30;
}

static int64_t place_of(const attention_batch *batch, const batch_scales *scales, int64_t row, int32_t head)
{
    return row / batch->k_page_rows * scales->page_stride + row % batch->k_page_rows * scales->token_stride +
           head * scales->head_stride;
}

double batch_scale(const attention_batch *batch, const batch_scales *scales, int64_t row, int32_t head)
{
    return scales->at ? (double)scales->at[place_of(batch, scales, row, head)] : 1;
}

static double scale_about(scale_kind kind, double amplitude, bool ends)
{
    switch (kind) {
    case SCALES_TINY: return 30 * 0x1p-70 / amplitude;
    case SCALES_HUGE: return 30 * 0x1p70 / amplitude;
    default: return ends ? 1 / (16 * amplitude) : 1 / amplitude;
    }
}

/* Strides of a dense array, with a gap between heads or tokens. */
static batch_scales strides_of(const attention_batch *batch, scale_kind kind)
{
    const int64_t heads = batch->attention.kv_heads, rows = batch->k_page_rows;
    const bool paged = batch->attention.page_size > 0;
    batch_scales scales = {.count = 1};
    switch (kind) {
    case SCALES_NONE:
    case SCALES_PER_TENSOR: break;
    case SCALES_PER_HEAD: scales.head_stride = 3; break;
    case SCALES_PER_PAGE:
        scales.head_stride = 1;
        scales.page_stride = heads + 1;
        break;
    case SCALES_SHARED_BY_HEADS:
        scales.token_stride = 2;
        scales.page_stride = paged ? 2 * rows : 0;
        break;
    case SCALES_HEAD_MAJOR:
        scales.token_stride = 1;
        scales.head_stride = rows + 1;
        scales.page_stride = paged ? heads * (rows + 1) : 0;
        break;
    default:
        scales.head_stride = 1;
        scales.token_stride = heads;
        scales.page_stride = paged ? heads * rows + 2 : 0;
        break;
    }
    if (batch->k_rows > 0)
        scales.count += place_of(batch, &scales, batch->k_rows - 1, (int32_t)heads - 1);
    return scales;
}

static batch_scales make_scales(case_trial *trial, const attention_batch *batch, scale_kind kind, double about,
                                random_source *source)
{
    batch_scales scales = strides_of(batch, kind);
    if (kind == SCALES_NONE)
        return (batch_scales){.at = NULL};
    scales.at = TRIAL_TAKE(trial, scales.count, float);
    for (int64_t n = 0; n < scales.count; n++)
        scales.at[n] = NAN;
    for (int32_t b = 0; b < batch->attention.batch; b++)
        for (int64_t j = 0; j < batch_keys(batch, b); j++)
            for (int32_t head = 0; head < batch->attention.kv_heads; head++) {
                float *scale = &scales.at[place_of(batch, &scales, batch_key_row(batch, b, j), head)];
                if (isnan(*scale))
                    *scale = (float)(about * (0.5 + random_uniform(source)));
            }
    return scales;
}

void batch_make_scales(case_trial *trial, attention_batch *batch, const attention_case *row, random_source *source)
{
    const bool ends = row->values == VALUES_ENDS;
    const double k_about = scale_about(row->k_scales, batch_amplitude(row->kv_dtype, row->k_scales), ends);
    const double v_about = scale_about(row->v_scales, batch_amplitude(row->kv_dtype, row->v_scales), ends);
    batch->k_scales = make_scales(trial, batch, row->k_scales, k_about, source);
    batch->v_scales = make_scales(trial, batch, row->v_scales, v_about, source);
}
