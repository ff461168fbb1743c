/* The same problem again, with something different around it; see invariance.h. */
#include "invariance.h"

#include "backward_call.h"
#include "forward_call.h"

#include <string.h>

/* An output of a pass, in rows of the packed tensors. */
typedef struct pass_output {
    const char *name;
    const double *values; /* NULL: not there */
    int64_t rows;
    int64_t row_size;
    bool of_keys;
    bool of_batch; /* no row of it belongs to one sequence */
} pass_output;

enum { PASS_OUTPUTS = 4 };

typedef struct pass_outputs {
    pass_output at[PASS_OUTPUTS];
} pass_outputs;

static pass_outputs run_forward(case_trial *trial, const attention_batch *batch, const call_surroundings *around)
{
    int64_t heads = batch->attention.q_heads;
    forward_result result = forward_run(trial, batch, around);
    return (pass_outputs){
        {{.name = "out", .values = result.out, .rows = batch->q_rows, .row_size = heads * call_value_dim(batch)},
         {.name = "lse", .values = result.lse, .rows = batch->q_rows, .row_size = heads}}};
}

static pass_outputs run_backward(case_trial *trial, const attention_batch *batch, const call_surroundings *around)
{
    const varlen_attention *attention = &batch->attention;
    int64_t q_size = (int64_t)attention->q_heads * attention->head_dim;
    int64_t k_size = (int64_t)attention->kv_heads * attention->head_dim;
    int64_t v_size = (int64_t)attention->kv_heads * call_value_dim(batch);
    forward_answer forward = answer_forward(trial, batch);
    backward_result result = backward_run(trial, batch, &forward, around);
    return (pass_outputs){
        {{.name = "dq", .values = result.dq, .rows = batch->q_rows, .row_size = q_size},
         {.name = "dk", .values = result.dk, .rows = batch->k_rows, .row_size = k_size, .of_keys = true},
         {.name = "dv", .values = result.dv, .rows = batch->k_rows, .row_size = v_size, .of_keys = true},
         {.name = "dsinks", .values = result.dsinks, .rows = 1, .row_size = attention->q_heads, .of_batch = true}}};
}

static pass_outputs run_pass(case_trial *trial, const attention_batch *batch, const call_surroundings *around)
{
    return trial->pass == VARLEN_PASS_FORWARD ? run_forward(trial, batch, around) : run_backward(trial, batch, around);
}

/* Rows first .. first + count - 1 of `whole` against rows 0 .. count - 1 of `other`. */
static void expect_same_rows(case_trial *trial, const pass_output *whole, int64_t first, int64_t count,
                             const pass_output *other, const char *difference)
{
    for (int64_t row = 0; row < count; row++) {
        const double *here = whole->values + (first + row) * whole->row_size;
        const double *there = other->values + row * other->row_size;
        for (int64_t n = 0; n < whole->row_size; n++)
            if (memcmp(here + n, there + n, sizeof *here) != 0)
                trial_fail(trial, "%s: row %lld, element %lld of all heads: %.9g, but %.9g %s", whole->name,
                           (long long)(first + row), (long long)n, here[n], there[n], difference);
    }
}

static void expect_same(case_trial *trial, const pass_outputs *usual, const pass_outputs *other, const char *difference)
{
    for (int n = 0; n < PASS_OUTPUTS; n++)
        if (usual->at[n].values)
            expect_same_rows(trial, &usual->at[n], 0, usual->at[n].rows, &other->at[n], difference);
}

static attention_batch *make_batch(case_trial *trial, const void *row, uint32_t flags)
{
    attention_batch *batch = batch_make(trial, row);
    batch->attention.flags |= flags;
    call_skip_unsupported(trial, batch);
    return batch;
}

void invariance_alone(case_trial *trial, const void *row)
{
    attention_batch *batch = make_batch(trial, row, VARLEN_FLAG_BATCH_INVARIANT);
    call_surroundings around = call_surroundings_usual(trial);
    pass_outputs whole = run_pass(trial, batch, &around);
    /* Dropout depends on the place in the batch: there, only the first sequence can be compared. */
    int32_t comparable = batch->attention.dropout_p > 0 ? 1 : batch->attention.batch;
    for (int32_t b = 0; b < comparable; b++) {
        attention_batch single = batch_alone(&trial->pool, batch, b);
        pass_outputs alone = run_pass(trial, &single, &around);
        for (int n = 0; n < PASS_OUTPUTS; n++) {
            const pass_output *output = &whole.at[n];
            if (output->values && !output->of_batch)
                expect_same_rows(trial, output, output->of_keys ? batch_key_slot(batch, b) : batch->cu_seqlens_q[b],
                                 alone.at[n].rows, &alone.at[n], "if its sequence is alone");
        }
    }
}

void invariance_twice(case_trial *trial, const void *row)
{
    attention_batch *batch = make_batch(trial, row, VARLEN_FLAG_DETERMINISTIC);
    call_surroundings around = call_surroundings_usual(trial);
    pass_outputs first = run_pass(trial, batch, &around);
    for (int again = 0; again < 3; again++) {
        pass_outputs second = run_pass(trial, batch, &around);
        expect_same(trial, &first, &second, "in a second run");
    }
}

void invariance_threads(case_trial *trial, const void *row)
{
    if (!(trial->device.flags & VARLEN_DEVICE_HOST_MEMORY))
        trial_skip(trial, "the number of threads is a matter of devices in host memory");
    attention_batch *batch = make_batch(trial, row, VARLEN_FLAG_DETERMINISTIC);
    call_surroundings around = call_surroundings_usual(trial);
    pass_outputs usual = run_pass(trial, batch, &around);
    for (int32_t threads = 1; threads <= 3; threads++) {
        call_surroundings limited = around;
        limited.session = session_open(trial, threads);
        pass_outputs other = run_pass(trial, batch, &limited);
        const char *const words[] = {"with 1 thread", "with 2 threads", "with 3 threads"};
        expect_same(trial, &usual, &other, words[threads - 1]);
    }
}

void invariance_poison(case_trial *trial, const void *row)
{
    attention_batch *batch = make_batch(trial, row, VARLEN_FLAG_DETERMINISTIC);
    call_surroundings around = call_surroundings_usual(trial);
    pass_outputs usual = run_pass(trial, batch, &around);
    around.output_fill = 0xFF;
    around.workspace_fill = 0x00;
    pass_outputs zeroed = run_pass(trial, batch, &around);
    expect_same(trial, &usual, &zeroed, "if outputs hold 0xFF and the workspace 0x00 before");
    around.output_fill = 0x00;
    around.workspace_fill = 0x7B; /* a large number in every dtype, and a plausible index */
    pass_outputs large = run_pass(trial, batch, &around);
    expect_same(trial, &usual, &large, "if outputs hold 0x00 and the workspace 0x7B before");
}

void invariance_copies(case_trial *trial, const void *row)
{
    attention_batch *batch = make_batch(trial, row, VARLEN_FLAG_BATCH_INVARIANT | VARLEN_FLAG_DETERMINISTIC);
    const attention_batch copied = batch_with_own_keys(&trial->pool, batch);
    call_surroundings around = call_surroundings_usual(trial);
    pass_outputs usual = run_pass(trial, batch, &around);
    pass_outputs own = run_pass(trial, &copied, &around);
    for (int n = 0; n < PASS_OUTPUTS; n++) {
        pass_output *output = &own.at[n];
        if (output->values && !output->of_keys)
            expect_same_rows(trial, &usual.at[n], 0, output->rows, output, "if its keys are its own");
        for (int32_t b = 0; b < batch->attention.batch && output->of_keys; b++) {
            pass_output keys = *output;
            keys.values += batch_key_row(&copied, b, 0) * keys.row_size;
            expect_same_rows(trial, &usual.at[n], batch_key_row(batch, b, 0), batch_keys(batch, b), &keys,
                             "if its keys are its own");
        }
    }
}

static void set_max_seqlens(attention_batch *batch, int32_t above)
{
    int64_t queries = 0, keys = 0;
    for (int32_t b = 0; b < batch->attention.batch; b++) {
        queries = batch_queries(batch, b) > queries ? batch_queries(batch, b) : queries;
        keys = batch_keys(batch, b) > keys ? batch_keys(batch, b) : keys;
    }
    batch->attention.max_seqlen_q = (int32_t)queries + above;
    batch->attention.max_seqlen_k = (int32_t)keys + above;
}

void invariance_max_seqlen(case_trial *trial, const void *row)
{
    attention_batch *batch = make_batch(trial, row, VARLEN_FLAG_BATCH_INVARIANT | VARLEN_FLAG_DETERMINISTIC);
    call_surroundings around = call_surroundings_usual(trial);
    pass_outputs unknown = run_pass(trial, batch, &around);
    set_max_seqlens(batch, 0);
    pass_outputs exact = run_pass(trial, batch, &around);
    expect_same(trial, &unknown, &exact, "if max_seqlen is exact");
    set_max_seqlens(batch, 5000);
    pass_outputs loose = run_pass(trial, batch, &around);
    expect_same(trial, &unknown, &loose, "if max_seqlen is loose");
}
