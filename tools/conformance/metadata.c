/* Attention with one wrong element in its metadata; see metadata.h. */
#include "metadata.h"

#include "backward_call.h"
#include "forward_call.h"
#include "violation.h"

#include <math.h>

/* clang-format off */
static const attention_case problems[] = {
    /* cu_seqlens_q 0 4 8 12, total_q 14; cu_seqlens_k 0 6 14 24, total_k 27; seqused_k 6 6 9. */
    [METADATA_PACKED] = {
        .lens_q = INTS(3, 4, 2), .free_q = INTS(1, 0, 2), .slack_q = 2,
        .lens_k = INTS(5, 6, 7), .leftpad_k = INTS(1, 0, 2), .free_k = INTS(0, 2, 1), .slack_k = 3,
    },
    /* cu_seqlens_q 0 6, total_q 8; cu_seqlens_k 0 9, total_k 12; seqused_q 5, seqused_k 8. */
    [METADATA_ALONE] = {
        .lens_q = INTS(5), .free_q = INTS(1), .slack_q = 2,
        .lens_k = INTS(6), .leftpad_k = INTS(2), .free_k = INTS(1), .slack_k = 3,
    },
    /* cu_seqlens_q 0 2 4 .. 48, total_q 50; cu_seqlens_k 0 4 8 .. 96, total_k 97. */
    [METADATA_MANY] = {
        .lens_q = INTS(2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2), .slack_q = 2,
        .lens_k = INTS(4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4), .slack_k = 1,
    },
    /* Pages of 4 rows, 10 of them, and 4 entries to a sequence, which uses 2, 2, 3 of them. */
    [METADATA_PAGED] = {
        .lens_q = INTS(3, 4, 2), .free_q = INTS(1, 0, 2), .slack_q = 2,
        .lens_k = INTS(5, 6, 7), .leftpad_k = INTS(1, 0, 2), .page_size = 4,
    },
    /* cu_seqlens_q 0 6 10 17, total_q 19; seqused_q 5 4 5; the keys of METADATA_PACKED. */
    [METADATA_QUERIES_PADDED] = {
        .lens_q = INTS(3, 4, 2), .leftpad_q = INTS(2, 0, 3), .free_q = INTS(1, 0, 2), .slack_q = 2,
        .lens_k = INTS(5, 6, 7), .leftpad_k = INTS(1, 0, 2), .free_k = INTS(0, 2, 1), .slack_k = 3,
    },
    /* Pages of 1 row, 2543 of them, and 2501 entries to a sequence, which uses 40, 2500 of them. */
    [METADATA_LONG_TABLE] = {.lens_q = INTS(1, 2), .lens_k = INTS(40, 2500), .page_size = 1},
    /* cu_seqlens_q 0 4 8 12, total_q 14; 5, 6 and 7 keys. */
    [METADATA_RANGES] = {
        .lens_q = INTS(3, 4, 2), .free_q = INTS(1, 0, 2), .slack_q = 2,
        .lens_k = INTS(5, 6, 7), .leftpad_k = INTS(1, 0, 2), .free_k = INTS(0, 2, 1), .slack_k = 3,
        .ranges = RANGES_ANYWHERE,
    },
    [METADATA_PAGED_RANGES] = {
        .lens_q = INTS(3, 4, 2), .free_q = INTS(1, 0, 2), .slack_q = 2,
        .lens_k = INTS(5, 6, 7), .leftpad_k = INTS(1, 0, 2), .page_size = 4, .ranges = RANGES_ANYWHERE,
    },
    [METADATA_TREE] = {.lens_q = INTS(64, 65, 1), .lens_k = INTS(80, 3, 9), .tree = TREE_DRAFTS},
    /* key_starts 17 0 7, seqused_k 6 6 9, total_k 26: keys 18 .. 22, 0 .. 5, 9 .. 15. */
    [METADATA_STARTED] = {
        .lens_q = INTS(3, 4, 2), .free_q = INTS(1, 0, 2), .slack_q = 2,
        .lens_k = INTS(5, 6, 7), .leftpad_k = INTS(1, 0, 2), .key_starts = INTS(17, 0, 7), .slack_k = 3,
        .query_positions = INTS(2, INT32_MIN, INT32_MAX), .mask = VARLEN_MASK_CAUSAL,
    },
};
/* clang-format on */

static int32_t *array_of(const attention_batch *batch, metadata_array array)
{
    switch (array) {
    case METADATA_CU_SEQLENS_Q: return batch->cu_seqlens_q;
    case METADATA_CU_SEQLENS_K: return batch->cu_seqlens_k;
    case METADATA_SEQUSED_Q: return batch->seqused_q;
    case METADATA_SEQUSED_K: return batch->seqused_k;
    case METADATA_LEFTPAD_K: return batch->leftpad_k;
    case METADATA_PAGE_TABLE: return batch->page_table;
    case METADATA_LEFTPAD_Q: return batch->leftpad_q;
    case METADATA_KEY_BEGIN: return batch->key_begin;
    case METADATA_KEY_END: return batch->key_end;
    case METADATA_KEY_STARTS: return batch->key_starts;
    case METADATA_NONE: break;
    }
    return NULL;
}

static void spoil(attention_batch *batch, const metadata_case *wrong)
{
    if (wrong->array != METADATA_NONE)
        array_of(batch, wrong->array)[wrong->index] = wrong->value;
    batch->attention.max_seqlen_q = wrong->max_seqlen_q;
    batch->attention.max_seqlen_k = wrong->max_seqlen_k;
}

static void expect_all(case_trial *trial, const char *name, const double *values, int64_t count, double expected)
{
    for (int64_t n = 0; n < count; n++)
        if (values[n] != expected)
            trial_fail(trial, "%s: element %lld is %g, but bad metadata makes it %g", name, (long long)n, values[n],
                       expected);
}

static void run_forward(case_trial *trial, const attention_batch *batch, const char *words)
{
    call_surroundings around = call_surroundings_usual(trial);
    forward_call call = forward_call_prepare(trial, batch, &around);
    if (!violation_expect(&call.blocks, forward_call_submit(&call), words))
        return;
    forward_result result = forward_call_finish(&call);
    expect_all(trial, "out", result.out, tensor_elements(&call.out.shape), 0);
    expect_all(trial, "lse", result.lse, tensor_elements(&call.lse.shape), -INFINITY);
}

static void run_backward(case_trial *trial, const attention_batch *batch, const forward_answer *forward,
                         const char *words)
{
    call_surroundings around = call_surroundings_usual(trial);
    backward_call call = backward_call_prepare(trial, batch, forward, &around);
    if (!violation_expect(&call.blocks, backward_call_submit(&call), words))
        return;
    backward_result result = backward_call_finish(&call);
    expect_all(trial, "dq", result.dq, tensor_elements(&call.gradients.q.shape), 0);
    expect_all(trial, "dk", result.dk, tensor_elements(&call.gradients.k.shape), 0);
    expect_all(trial, "dv", result.dv, tensor_elements(&call.gradients.v.shape), 0);
}

void metadata_run(case_trial *trial, const void *row)
{
    const metadata_case *wrong = row;
    violation_skip_if_not_searched(trial);
    attention_batch *batch = batch_make(trial, &problems[wrong->problem]);
    call_skip_unsupported(trial, batch);
    if (trial->pass == VARLEN_PASS_FORWARD) {
        spoil(batch, wrong);
        run_forward(trial, batch, wrong->words);
    } else {
        forward_answer forward = answer_forward(trial, batch);
        spoil(batch, wrong);
        run_backward(trial, batch, &forward, wrong->words);
    }
}
