/* varlen_pack and varlen_unpack on a row's sequences; see pack.h. */
#include "pack.h"

#include "block_ints.h"
#include "dtypes.h"
#include "expected.h"
#include "random.h"

#include <math.h>
#include <string.h>

static int32_t padding_of(const pack_case *row, int32_t b)
{
    return b < row->leftpad.count ? row->leftpad.at[b] : 0;
}

pack_metadata pack_metadata_make(case_trial *trial, const pack_case *row)
{
    const int32_t batch = row->lens.count;
    pack_metadata metadata = {.cu_seqlens = TRIAL_TAKE(trial, batch + 1, int32_t)};
    if (row->leftpad.count)
        metadata.leftpad = TRIAL_TAKE(trial, batch, int32_t);
    for (int32_t b = 0; b < batch; b++) {
        metadata.cu_seqlens[b + 1] = metadata.cu_seqlens[b] + row->lens.at[b];
        if (metadata.leftpad)
            metadata.leftpad[b] = padding_of(row, b);
    }
    return metadata;
}

static int32_t max_seqlen_of(const pack_case *row)
{
    int32_t longest = 0;
    for (int32_t b = 0; b < row->lens.count; b++) {
        const int32_t end = padding_of(row, b) + row->lens.at[b];
        longest = end > longest ? end : longest;
    }
    return row->max_seqlen ? row->max_seqlen : longest;
}

static int64_t total_of(const pack_case *row)
{
    int64_t total = row->slack;
    for (int32_t b = 0; b < row->lens.count; b++)
        total += row->lens.at[b];
    return total;
}

static strided_tensor place(block_list *blocks, tensor_layout layout, const tensor_shape *shape, const double *contents)
{
    strided_tensor tensor = layout_alone(blocks, layout, shape, contents ? BLOCK_INPUT_FILL : BLOCK_OUTPUT_FILL);
    if (contents)
        tensor_store(&tensor, contents);
    return tensor;
}

pack_call pack_prepare(case_trial *trial, const pack_case *row, const pack_metadata *metadata, const double *padded,
                       const double *packed)
{
    pack_call call = {.trial = trial, .blocks.session = session_begin(trial)};
    const tensor_shape padded_shape = {"padded",           trial->dtype, row->lens.count,
                                       max_seqlen_of(row), row->heads,   row->dim};
    const tensor_shape packed_shape = {"packed", trial->dtype, 1, total_of(row), row->heads, row->dim};
    call.padded = place(&call.blocks, row->layout, &padded_shape, padded);
    call.packed = place(&call.blocks, row->layout, &packed_shape, packed);
    const int32_t batch = row->lens.count;
    call.args =
        (varlen_pack_args){.struct_size = sizeof call.args,
                           .element_size = (int32_t)varlen_dtype_size(trial->dtype),
                           .batch = batch,
                           .max_seqlen = max_seqlen_of(row),
                           .heads = row->heads,
                           .dim = row->dim,
                           .total = total_of(row),
                           .padded = tensor_view(&call.padded),
                           .padded_batch_stride = tensor_page_stride(&call.padded),
                           .packed = tensor_view(&call.packed),
                           .cu_seqlens = block_add_ints(&call.blocks, "cu_seqlens", metadata->cu_seqlens, batch + 1),
                           .leftpad = block_add_ints(&call.blocks, "leftpad", metadata->leftpad, batch)};
    block_list_upload(&call.blocks);
    return call;
}

/* Both tensors of a row as they should be: where a sequence's elements are, and `elsewhere` in the other rows. */
typedef struct both_tensors {
    expected_rows padded;
    expected_rows packed;
} both_tensors;

static both_tensors make_tensors(case_trial *trial, const pack_case *row, double padded_elsewhere,
                                 double packed_elsewhere)
{
    random_source source = {trial->seed};
    int32_t width = max_seqlen_of(row);
    int64_t size = (int64_t)row->heads * row->dim, next = 0;
    both_tensors both = {
        expected_make(trial, "padded", (int64_t)row->lens.count * width, row->heads, row->dim),
        expected_make(trial, "packed", total_of(row), row->heads, row->dim),
    };
    for (int64_t n = 0; n < both.padded.rows * size; n++)
        both.padded.values[n] = padded_elsewhere;
    for (int64_t n = 0; n < both.packed.rows * size; n++)
        both.packed.values[n] = packed_elsewhere;
    for (int32_t b = 0; b < row->lens.count; b++) {
        for (int32_t t = 0; t < row->lens.at[b]; t++, next++) {
            double *packed = both.packed.values + next * size;
            for (int64_t n = 0; n < size; n++)
                packed[n] = dtype_round(trial->dtype, (float)random_normal(&source));
            const int64_t padded_row = (int64_t)b * width + padding_of(row, b) + t;
            memcpy(both.padded.values + padded_row * size, packed, (size_t)size * sizeof *packed);
        }
    }
    return both;
}

static void expect_copy(pack_call *call, varlen_status status, const char *name, const strided_tensor *output,
                        const expected_rows *expected)
{
    trial_expect_ok_or_skip(call->trial, status, name);
    block_list_download(&call->blocks);
    double *got = TRIAL_TAKE(call->trial, tensor_elements(&output->shape), double);
    tensor_load(output, got);
    block_list_check(&call->blocks);
    expected_check(call->trial, expected, got);
}

void pack_run(case_trial *trial, const void *row)
{
    both_tensors both = make_tensors(trial, row, NAN, 0);
    const pack_metadata metadata = pack_metadata_make(trial, row);
    pack_call call = pack_prepare(trial, row, &metadata, both.padded.values, NULL);
    const device_session *session = call.blocks.session;
    varlen_status status = varlen_pack(session->context, session->stream, &call.args);
    expect_copy(&call, status, "varlen_pack", &call.packed, &both.packed);
}

void unpack_run(case_trial *trial, const void *row)
{
    both_tensors both = make_tensors(trial, row, 0, NAN);
    const pack_metadata metadata = pack_metadata_make(trial, row);
    pack_call call = pack_prepare(trial, row, &metadata, NULL, both.packed.values);
    const device_session *session = call.blocks.session;
    varlen_status status = varlen_unpack(session->context, session->stream, &call.args);
    expect_copy(&call, status, "varlen_unpack", &call.padded, &both.padded);
}
