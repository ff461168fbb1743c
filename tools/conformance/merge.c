/* varlen_merge on random partial results; see merge.h. */
#include "merge.h"

#include "dtypes.h"
#include "expected.h"
#include "random.h"
#include "slack.h"

#include <float.h>
#include <math.h>

/* Dense: out [parts, tokens, heads, value_dim], lse [parts, tokens, heads]. */
typedef struct partials {
    double *out;
    double *lse;
} partials;

static bool is_empty(const merge_case *row, int32_t part, int64_t n)
{
    return row->empty_every && (n + part) % row->empty_every == 0;
}

static partials make_partials(case_trial *trial, const merge_case *row, varlen_dtype dtype)
{
    random_source source = {trial->seed};
    int64_t rows = (int64_t)row->tokens * row->heads;
    double spread = row->lse_spread > 0 ? row->lse_spread : 1;
    double largest = dtype == VARLEN_FLOAT16 ? 65504 : 3.38e38;
    partials parts = {TRIAL_TAKE(trial, row->parts * rows * row->value_dim, double),
                      TRIAL_TAKE(trial, row->parts * rows, double)};
    for (int32_t part = 0; part < row->parts; part++) {
        for (int64_t n = 0; n < rows; n++) {
            int64_t at = part * rows + n;
            bool empty = is_empty(row, part, n);
            parts.lse[at] = empty          ? (row->empty_is_plus ? INFINITY : -INFINITY)
                            : row->extreme ? (double)(random_below(&source, 3) - 1) * FLT_MAX
                                           : (double)(float)(spread * random_normal(&source));
            for (int32_t e = 0; e < row->value_dim; e++) {
                double value = row->extreme ? largest * (2 * random_uniform(&source) - 1) : random_normal(&source);
                parts.out[at * row->value_dim + e] = empty ? NAN : dtype_round(dtype, (float)value);
            }
        }
    }
    return parts;
}

/* A part that saw nothing may also be marked by +infinity. */
static double lse_of(const partials *parts, int64_t at)
{
    return isinf(parts->lse[at]) ? -INFINITY : parts->lse[at];
}

/* Row n of the merged result in doubles, with what float32 arithmetic is due: a weight errs by the size of its
 * exponent. Returns the row's lse. */
static double merge_row(const merge_case *row, const partials *parts, int64_t n, double *out, double *slack)
{
    int64_t rows = (int64_t)row->tokens * row->heads;
    double largest = -INFINITY, sum = 0;
    for (int32_t part = 0; part < row->parts; part++)
        largest = fmax(largest, lse_of(parts, part * rows + n));
    if (largest == -INFINITY)
        return -INFINITY;
    for (int32_t part = 0; part < row->parts; part++)
        sum += exp(lse_of(parts, part * rows + n) - largest);
    double lse = largest + log(sum);
    for (int32_t part = 0; part < row->parts; part++) {
        double part_lse = lse_of(parts, part * rows + n), weight = exp(part_lse - largest) / sum;
        const double *part_out = parts->out + (part * rows + n) * row->value_dim;
        for (int32_t e = 0; e < row->value_dim && weight > 0; e++) {
            out[e] += weight * part_out[e];
            slack[e] += slack_of(weight * fabs(part_out[e]) * (1 + fabs(part_lse - largest)));
        }
    }
    return lse;
}

/* The same in float32, as a plain program does it. */
static double merge_row_plainly(const merge_case *row, const partials *parts, int64_t n, varlen_dtype dtype,
                                double *out)
{
    int64_t rows = (int64_t)row->tokens * row->heads;
    float largest = -INFINITY, sum = 0;
    for (int32_t part = 0; part < row->parts; part++)
        largest = fmaxf(largest, (float)lse_of(parts, part * rows + n));
    if (largest == -INFINITY)
        return -INFINITY;
    for (int32_t part = 0; part < row->parts; part++)
        sum += expf((float)lse_of(parts, part * rows + n) - largest);
    float lse = largest + logf(sum);
    for (int32_t e = 0; e < row->value_dim; e++) {
        float total = 0;
        for (int32_t part = 0; part < row->parts; part++) {
            float weight = expf((float)lse_of(parts, part * rows + n) - largest) / sum;
            if (weight > 0)
                total += weight * (float)parts->out[(part * rows + n) * row->value_dim + e];
        }
        out[e] = dtype_round(dtype, total);
    }
    return lse;
}

typedef struct merge_answer {
    expected_rows out;
    expected_rows lse;
} merge_answer;

static merge_answer answer_of(case_trial *trial, const merge_case *row, const partials *parts)
{
    merge_answer answer = {expected_make(trial, "out", row->tokens, row->heads, row->value_dim),
                           expected_make(trial, "lse", row->tokens, row->heads, 1)};
    int64_t rows = (int64_t)row->tokens * row->heads;
    double *plain_out = TRIAL_TAKE(trial, rows * row->value_dim, double);
    double *plain_lse = TRIAL_TAKE(trial, rows, double);
    double *slack_out = TRIAL_TAKE(trial, rows * row->value_dim, double);
    double *slack_lse = TRIAL_TAKE(trial, rows, double);
    for (int64_t n = 0; n < rows; n++) {
        answer.lse.values[n] =
            merge_row(row, parts, n, answer.out.values + n * row->value_dim, slack_out + n * row->value_dim);
        slack_lse[n] = isfinite(answer.lse.values[n]) ? slack_of(1 + fabs(answer.lse.values[n])) : 0;
        plain_lse[n] = merge_row_plainly(row, parts, n, trial->dtype, plain_out + n * row->value_dim);
    }
    expected_bound(trial, &answer.out, &(bound_terms){0, row->tokens, plain_out, slack_out, 2, trial->dtype});
    expected_bound_lse(trial, &answer.lse, &(bound_terms){0, row->tokens, plain_lse, slack_lse, 2, VARLEN_FLOAT32});
    return answer;
}

/* The tensors of the call in device memory. */
typedef struct merge_call {
    block_list blocks;
    strided_tensor partial_out;
    strided_tensor partial_lse;
    strided_tensor out;
    strided_tensor lse;
} merge_call;

/* One part of a tensor of parts, in its block. */
static strided_tensor last_part(const strided_tensor *parts, const char *name)
{
    strided_tensor part = *parts;
    part.offset += (parts->shape.pages - 1) * parts->strides.page;
    part.shape.name = name;
    part.shape.pages = 1;
    return part;
}

static merge_call place(case_trial *trial, const merge_case *row, varlen_dtype partial_dtype, const partials *parts)
{
    merge_call call = {.blocks.session = session_begin(trial)};
    const tensor_shape partial = {"partial_out", partial_dtype, row->parts, row->tokens, row->heads, row->value_dim};
    const tensor_shape out = {"out", trial->dtype, 1, row->tokens, row->heads, row->value_dim};
    const int64_t part_lse = (int64_t)row->heads * row->tokens + row->lse_gap;
    call.partial_out = layout_alone(&call.blocks, row->layout, &partial, BLOCK_INPUT_FILL);
    call.partial_lse =
        (strided_tensor){.shape = {"partial_lse", VARLEN_FLOAT32, row->parts, row->tokens, row->heads, 1},
                         .strides = {.page = part_lse, .token = 1, .head = row->tokens},
                         .block = block_add(&call.blocks, "partial_lse", row->parts * part_lse * (int64_t)sizeof(float),
                                            BLOCK_INPUT_FILL)};
    tensor_store(&call.partial_out, parts->out);
    tensor_store(&call.partial_lse, parts->lse);
    if (row->in_place) {
        call.out = last_part(&call.partial_out, "out");
        call.lse = last_part(&call.partial_lse, "lse");
    } else {
        call.out = layout_alone(&call.blocks, row->layout, &out, BLOCK_OUTPUT_FILL);
        call.lse = (strided_tensor){.shape = {"lse", VARLEN_FLOAT32, 1, row->tokens, row->heads, 1},
                                    .strides = {.page = 0, .token = 1, .head = row->tokens},
                                    .block = block_add(&call.blocks, "lse",
                                                       (int64_t)row->heads * row->tokens * (int64_t)sizeof(float),
                                                       BLOCK_OUTPUT_FILL)};
    }
    block_list_upload(&call.blocks);
    return call;
}

static varlen_status submit(const merge_case *row, const merge_call *call)
{
    const varlen_tensor partial_lse = tensor_view(&call->partial_lse), lse = tensor_view(&call->lse);
    const varlen_merge_args args = {.struct_size = sizeof args,
                                    .dtype = call->out.shape.dtype,
                                    .partial_dtype = call->partial_out.shape.dtype,
                                    .parts = row->parts,
                                    .heads = row->heads,
                                    .tokens = row->tokens,
                                    .partial_out = tensor_view(&call->partial_out),
                                    .partial_out_stride = tensor_page_stride(&call->partial_out),
                                    .partial_lse = partial_lse.data,
                                    .partial_lse_stride = row->lse_gap ? call->partial_lse.strides.page : 0,
                                    .out = tensor_view(&call->out),
                                    .lse = row->without_lse ? NULL : lse.data,
                                    .value_dim = row->value_dim};
    const device_session *session = call->blocks.session;
    return varlen_merge(session->context, session->stream, &args);
}

/* Row 0 of what was got must be NaN; then it becomes what is expected of the parts as they were before. */
static void accept_nan_row(case_trial *trial, const expected_rows *expected, double *got)
{
    for (int32_t e = 0; e < expected->dim; e++) {
        if (!isnan(got[e]))
            trial_fail(trial, "%s: an lse of part 0 is NaN, but element %d of its row is %.9g", expected->name, (int)e,
                       got[e]);
        got[e] = expected->values[e];
    }
}

void merge_run(case_trial *trial, const void *case_row)
{
    const merge_case *row = case_row;
    varlen_dtype partial_dtype = row->float32_parts ? VARLEN_FLOAT32 : trial->dtype;
    partials parts = make_partials(trial, row, partial_dtype);
    merge_answer answer = answer_of(trial, row, &parts);
    if (row->nan_lse)
        parts.lse[0] = NAN;
    merge_call call = place(trial, row, partial_dtype, &parts);
    trial_expect_ok_or_skip(trial, submit(row, &call), "varlen_merge");
    block_list_download(&call.blocks);
    double *out = TRIAL_TAKE(trial, tensor_elements(&call.out.shape), double);
    double *lse = TRIAL_TAKE(trial, tensor_elements(&call.lse.shape), double);
    tensor_load(&call.out, out);
    if (!row->without_lse)
        tensor_load(&call.lse, lse);
    block_list_check(&call.blocks);
    if (row->nan_lse) {
        accept_nan_row(trial, &answer.out, out);
        accept_nan_row(trial, &answer.lse, lse);
    }
    if (!row->without_lse)
        expected_check(trial, &answer.lse, lse);
    expected_check(trial, &answer.out, out);
}
