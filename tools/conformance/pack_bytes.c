/* varlen_pack and varlen_unpack on elements of any size; see pack_bytes.h. */
#include "pack_bytes.h"

#include "block_ints.h"
#include "random.h"

#include <string.h>

/* [rows, tokens, heads, dim]; packed rows have one row of all tokens. Strides in elements. */
typedef struct byte_tensor {
    device_block *block;
    int64_t rows;
    int64_t tokens;
    int32_t heads;
    int64_t shift;
    int64_t head_stride;
    int64_t token_stride;
    int64_t row_stride;
} byte_tensor;

static byte_tensor place(block_list *blocks, const pack_bytes_case *row, const char *name, int64_t rows, int64_t tokens,
                         int64_t shift, uint8_t fill)
{
    byte_tensor tensor = {.rows = rows, .tokens = tokens, .heads = row->heads ? row->heads : 1, .shift = shift};
    tensor.head_stride = row->dim + row->head_gap;
    tensor.token_stride = tensor.heads * tensor.head_stride + row->token_gap;
    tensor.row_stride = tokens * tensor.token_stride + row->row_gap;
    tensor.block = block_add(blocks, name, (shift + rows * tensor.row_stride) * row->element_size, fill);
    return tensor;
}

static varlen_tensor view(const byte_tensor *tensor, const pack_bytes_case *row)
{
    varlen_tensor result = {.data = tensor->block->data + tensor->shift * row->element_size};
    if (row->token_gap || row->head_gap) {
        result.token_stride = tensor->token_stride;
        result.head_stride = tensor->head_stride;
    }
    return result;
}

static unsigned char *bytes_at(const byte_tensor *tensor, const pack_bytes_case *row, unsigned char *copy, int64_t b,
                               int64_t t, int32_t head)
{
    const int64_t element =
        tensor->shift + b * tensor->row_stride + t * tensor->token_stride + head * tensor->head_stride;
    return block_at(tensor->block, copy, element * row->element_size);
}

static int32_t padding_of(const pack_bytes_case *row, int64_t b)
{
    return b < row->leftpad.count ? row->leftpad.at[b] : 0;
}

typedef struct pack_bytes_call {
    case_trial *trial;
    const pack_bytes_case *row;
    block_list blocks;
    byte_tensor padded;
    byte_tensor packed;
    const int32_t *cu_seqlens;
    varlen_pack_args args;
} pack_bytes_call;

static pack_bytes_call prepare(case_trial *trial, const pack_bytes_case *row, bool unpack)
{
    pack_bytes_call call = {.trial = trial, .row = row, .blocks.session = session_begin(trial)};
    int32_t *sums = TRIAL_TAKE(trial, row->lens.count + 1, int32_t), longest = 0;
    for (int32_t b = 0; b < row->lens.count; b++) {
        sums[b + 1] = sums[b] + row->lens.at[b];
        const int32_t end = padding_of(row, b) + row->lens.at[b];
        longest = end > longest ? end : longest;
    }
    const int32_t width = row->max_seqlen ? row->max_seqlen : longest;
    const int64_t total = sums[row->lens.count] + row->slack;
    call.cu_seqlens = sums;
    call.padded = place(&call.blocks, row, "padded", row->lens.count, width, row->padded_shift,
                        unpack ? BLOCK_OUTPUT_FILL : BLOCK_INPUT_FILL);
    call.packed =
        place(&call.blocks, row, "packed", 1, total, row->packed_shift, unpack ? BLOCK_INPUT_FILL : BLOCK_OUTPUT_FILL);
    const int32_t batch = row->lens.count;
    call.args = (varlen_pack_args){.struct_size = sizeof call.args,
                                   .element_size = row->element_size,
                                   .batch = batch,
                                   .max_seqlen = width,
                                   .heads = call.padded.heads,
                                   .dim = row->dim,
                                   .total = total,
                                   .padded = view(&call.padded, row),
                                   .padded_batch_stride = row->row_gap ? call.padded.row_stride : 0,
                                   .packed = view(&call.packed, row),
                                   .cu_seqlens = block_add_ints(&call.blocks, "cu_seqlens", sums, batch + 1),
                                   .leftpad = block_add_ints(&call.blocks, "leftpad", row->leftpad.at, batch)};
    return call;
}

/* Random bytes in the rows of `to` that are some sequence's, or, if `from` is given, what is there; else zeros. */
static void fill(const pack_bytes_call *call, const byte_tensor *to, const byte_tensor *from)
{
    random_source source = {call->trial->seed};
    const size_t size = (size_t)call->row->dim * (size_t)call->row->element_size;
    const bool packed = to == &call->packed;
    for (int64_t b = 0; from && b < to->rows; b++)
        for (int64_t t = 0; t < to->tokens; t++)
            for (int32_t head = 0; head < to->heads; head++)
                memset(bytes_at(to, call->row, to->block->image, b, t, head), 0, size);
    for (int32_t b = 0; b < call->row->lens.count; b++)
        for (int32_t t = 0; t < call->row->lens.at[b]; t++)
            for (int32_t head = 0; head < to->heads; head++) {
                const int64_t in_packed = call->cu_seqlens[b] + t, in_padded = padding_of(call->row, b) + t;
                unsigned char *bytes =
                    bytes_at(to, call->row, to->block->image, packed ? 0 : b, packed ? in_packed : in_padded, head);
                for (size_t n = 0; !from && n < size; n++)
                    bytes[n] = (unsigned char)random_bits(&source);
                if (from)
                    memcpy(bytes,
                           bytes_at(from, call->row, from->block->image, packed ? b : 0, packed ? in_padded : in_packed,
                                    head),
                           size);
            }
}

static void run(case_trial *trial, const pack_bytes_case *row, bool unpack)
{
    pack_bytes_call call = prepare(trial, row, unpack);
    const byte_tensor *input = unpack ? &call.packed : &call.padded, *output = unpack ? &call.padded : &call.packed;
    const device_session *session = call.blocks.session;
    fill(&call, input, NULL);
    block_list_upload(&call.blocks);
    varlen_status status = (unpack ? varlen_unpack : varlen_pack)(session->context, session->stream, &call.args);
    trial_expect_ok_or_skip(trial, status, unpack ? "varlen_unpack" : "varlen_pack");
    block_list_download(&call.blocks);
    fill(&call, output, input);
    const size_t size = (size_t)row->dim * (size_t)row->element_size;
    for (int64_t b = 0; b < output->rows; b++)
        for (int64_t t = 0; t < output->tokens; t++)
            for (int32_t head = 0; head < output->heads; head++)
                if (memcmp(bytes_at(output, row, output->block->seen, b, t, head),
                           bytes_at(output, row, output->block->image, b, t, head), size) != 0)
                    trial_fail(trial, "%s[%lld][%lld], head %d, is not what was copied", output->block->name,
                               (long long)b, (long long)t, (int)head);
    block_list_check(&call.blocks);
}

void pack_bytes_run(case_trial *trial, const void *row)
{
    run(trial, row, false);
}

void unpack_bytes_run(case_trial *trial, const void *row)
{
    run(trial, row, true);
}
