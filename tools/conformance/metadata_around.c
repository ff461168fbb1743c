/* The calls around attention with one wrong element in their metadata; see metadata_around.h. */
#include "metadata_around.h"

#include "append.h"
#include "block_ints.h"
#include "cu_seqlens.h"
#include "pack.h"
#include "violation.h"

static void expect_zeros(case_trial *trial, const strided_tensor *output, const block_list *blocks)
{
    double *values = TRIAL_TAKE(trial, tensor_elements(&output->shape), double);
    block_list_download(blocks);
    tensor_load(output, values);
    block_list_check(blocks);
    for (int64_t n = 0; n < tensor_elements(&output->shape); n++)
        if (values[n] != 0)
            trial_fail(trial, "%s: element %lld is %g, but bad metadata makes it 0", output->shape.name, (long long)n,
                       values[n]);
}

/* Like violation_expect, of a call that a backend may leave out. */
static bool expect_violation(const block_list *blocks, varlen_status status, const char *words)
{
    trial_skip_unsupported(blocks->session->trial, status);
    return violation_expect(blocks, status, words);
}

static void run_cu_seqlens(case_trial *trial, const around_case *wrong)
{
    enum { COUNT = 4 };
    int32_t lengths[COUNT] = {3, 2147483000, 600, 5};
    const int32_t zeros[COUNT + 1] = {0};
    lengths[wrong->index] = wrong->value;
    cu_seqlens_call call = cu_seqlens_prepare(trial, lengths, COUNT);
    if (!expect_violation(&call.blocks, cu_seqlens_submit(&call), wrong->words))
        return;
    block_list_download(&call.blocks);
    block_expect_ints(trial, call.cu_seqlens, zeros, COUNT + 1);
    block_list_check(&call.blocks);
}

/* cu_seqlens 0 4 4 10, total 13; max_seqlen 6. */
static const pack_case pack_row = {.lens = INTS(4, 0, 6), .slack = 3, .heads = 2, .dim = 8};

/* The same with max_seqlen 8. */
static const pack_case leftpad_row = {
    .lens = INTS(4, 0, 6), .leftpad = INTS(3, 0, 2), .slack = 3, .heads = 2, .dim = 8};

static void run_pack(case_trial *trial, const around_case *wrong)
{
    const bool unpack = wrong->array == AROUND_UNPACK_CU_SEQLENS || wrong->array == AROUND_UNPACK_LEFTPAD;
    const bool in_leftpad = wrong->array == AROUND_PACK_LEFTPAD || wrong->array == AROUND_UNPACK_LEFTPAD;
    const pack_case *row = in_leftpad ? &leftpad_row : &pack_row;
    const pack_metadata metadata = pack_metadata_make(trial, row);
    double *zeros = TRIAL_TAKE(trial, 1000, double);
    (in_leftpad ? metadata.leftpad : metadata.cu_seqlens)[wrong->index] = wrong->value;
    pack_call call = pack_prepare(trial, row, &metadata, unpack ? NULL : zeros, unpack ? zeros : NULL);
    const device_session *session = call.blocks.session;
    varlen_status status = (unpack ? varlen_unpack : varlen_pack)(session->context, session->stream, &call.args);
    if (expect_violation(&call.blocks, status, wrong->words))
        expect_zeros(trial, unpack ? &call.padded : &call.packed, &call.blocks);
}

static int32_t *array_of(const append_metadata *metadata, around_array array)
{
    switch (array) {
    case AROUND_APPEND_CU_SEQLENS_NEW: return metadata->cu_seqlens_new;
    case AROUND_APPEND_CU_SEQLENS_K: return metadata->cu_seqlens_k;
    case AROUND_APPEND_SEQUSED_K: return metadata->seqused_k;
    case AROUND_APPEND_LEFTPAD_K: return metadata->leftpad_k;
    case AROUND_APPEND_PAGE_TABLE: return metadata->page_table;
    default: return NULL;
    }
}

/* clang-format off */
#define APPEND_ROW \
    .lens_new = INTS(2, 0, 3), .used = INTS(3, 4, 1), .spare = INTS(1, 0, 2), .leftpad_k = INTS(1, 0, 0), \
    .slack_new = 1, .kv_heads = 1, .q_heads = 2, .head_dim = 8, .rotary_dim = 8

static const append_case problems[] = {
    /* cu_seqlens_new 0 2 2 5, total_new 6; cu_seqlens_k 0 6 10 16, total_k 19. */
    [AROUND_PACKED] = {APPEND_ROW},
    [AROUND_PACKED_IN_PLACE] = {APPEND_ROW, .seqused_in_place = true},
    /* Pages of 2 rows, 10 of them, 3 entries to a sequence, of which it uses 3, 2, 3. */
    [AROUND_PAGED] = {APPEND_ROW, .page_size = 2},
    [AROUND_PAGED_IN_PLACE] = {APPEND_ROW, .page_size = 2, .seqused_in_place = true},
    /* Pages of 1 row, 2107 of them, 2100 entries to a sequence; new rows go to entries 3 .. 4 and 1500 .. 2099. */
    [AROUND_LONG_TABLE] = {
        .lens_new = INTS(2, 600), .used = INTS(3, 1500), .kv_heads = 1, .head_dim = 8, .page_size = 1,
    },
};
/* clang-format on */

/* What must be left alone is held by block_list_check: the cache, q, and seqused_k, in place or not. */
static void expect_nothing_appended(case_trial *trial, const append_case *row, const append_call *call)
{
    const int32_t *zeros = TRIAL_TAKE(trial, row->lens_new.count, int32_t);
    block_list_download(&call->blocks);
    if (!row->seqused_in_place)
        block_expect_ints(trial, call->seqused_k_out, zeros, row->lens_new.count);
    block_list_check(&call->blocks);
}

static void run_append(case_trial *trial, const around_case *wrong)
{
    const append_case *row = &problems[wrong->problem];
    append_metadata metadata = append_metadata_make(trial, row);
    append_values values = append_values_make(trial, row, &metadata);
    int32_t *array = array_of(&metadata, wrong->array);
    if (array)
        array[wrong->index] = wrong->value;
    else
        metadata.positions = wrong->value;
    append_call call = append_prepare(trial, row, &metadata, &values);
    if (expect_violation(&call.blocks, append_submit(&call), wrong->words))
        expect_nothing_appended(trial, row, &call);
}

void metadata_around_run(case_trial *trial, const void *row)
{
    const around_case *wrong = row;
    violation_skip_if_not_searched(trial);
    switch (wrong->array) {
    case AROUND_LENGTHS: run_cu_seqlens(trial, wrong); break;
    case AROUND_PACK_CU_SEQLENS:
    case AROUND_UNPACK_CU_SEQLENS:
    case AROUND_PACK_LEFTPAD:
    case AROUND_UNPACK_LEFTPAD: run_pack(trial, wrong); break;
    default: run_append(trial, wrong); break;
    }
}
