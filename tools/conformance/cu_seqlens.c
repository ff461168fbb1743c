/* varlen_cu_seqlens on a row's lengths; see cu_seqlens.h. */
#include "cu_seqlens.h"

#include "block_ints.h"
#include "random.h"

cu_seqlens_call cu_seqlens_prepare(case_trial *trial, const int32_t *lengths, int32_t batch)
{
    const int64_t size = sizeof(int32_t);
    cu_seqlens_call call = {.blocks.session = session_begin(trial), .batch = batch};
    call.lengths = block_add_copy(&call.blocks, "lengths", lengths, batch * size);
    call.cu_seqlens = block_add(&call.blocks, "cu_seqlens", (batch + 1) * size, BLOCK_OUTPUT_FILL);
    block_list_upload(&call.blocks);
    return call;
}

varlen_status cu_seqlens_submit(const cu_seqlens_call *call)
{
    const device_session *session = call->blocks.session;
    return varlen_cu_seqlens(session->context, session->stream, call->batch, block_data(call->lengths),
                             block_data(call->cu_seqlens));
}

static int32_t *lengths_of(case_trial *trial, const cu_seqlens_case *row, int32_t batch)
{
    random_source source = {trial->seed};
    int32_t *lengths = TRIAL_TAKE(trial, batch, int32_t);
    for (int32_t b = 0; b < batch; b++)
        lengths[b] = row->random_count ? (int32_t)random_below(&source, row->random_below) : row->lengths.at[b];
    return lengths;
}

void cu_seqlens_run(case_trial *trial, const void *row)
{
    const cu_seqlens_case *sums = row;
    int32_t batch = sums->random_count ? sums->random_count : sums->lengths.count;
    int32_t *lengths = lengths_of(trial, sums, batch);
    int32_t *expected = TRIAL_TAKE(trial, batch + 1, int32_t);
    for (int32_t b = 0; b < batch; b++)
        expected[b + 1] = expected[b] + lengths[b];
    cu_seqlens_call call = cu_seqlens_prepare(trial, lengths, batch);
    trial_expect_ok_or_skip(trial, cu_seqlens_submit(&call), "varlen_cu_seqlens");
    block_list_download(&call.blocks);
    block_expect_ints(trial, call.cu_seqlens, expected, batch + 1);
    block_list_check(&call.blocks);
}
