/* Runs a row of an attention table: the device's results against the oracle's. */
#include "backward_call.h"
#include "forward_call.h"

double attention_cost(const void *row)
{
    const attention_case *attention = row;
    const int_list *lens_q = &attention->lens_q;
    const int_list *lens_k = attention->lens_k.count ? &attention->lens_k : lens_q;
    double head_dim = attention->head_dim ? attention->head_dim : 64;
    double value_dim = attention->value_dim ? attention->value_dim : head_dim;
    double pairs = 0;
    for (int32_t b = 0; b < lens_q->count; b++)
        pairs += (double)lens_q->at[b] * lens_k->at[b];
    return pairs * (attention->q_heads ? attention->q_heads : 4) * (head_dim + value_dim);
}

static void run_forward(case_trial *trial, const attention_batch *batch, const call_surroundings *around)
{
    forward_answer answer = answer_forward(trial, batch);
    forward_result result = forward_run(trial, batch, around);
    if (result.lse)
        expected_check(trial, &answer.lse, result.lse);
    expected_check(trial, &answer.out, result.out);
}

static void run_backward(case_trial *trial, const attention_batch *batch, const call_surroundings *around)
{
    forward_answer forward = answer_forward(trial, batch);
    backward_answer answer = answer_backward(trial, batch, &forward);
    backward_result result = backward_run(trial, batch, &forward, around);
    expected_check(trial, &answer.dq, result.dq);
    expected_check(trial, &answer.dk, result.dk);
    expected_check(trial, &answer.dv, result.dv);
    if (result.dsinks)
        expected_check(trial, &answer.dsinks, result.dsinks);
}

void attention_run(case_trial *trial, const void *row)
{
    const attention_case *attention = row;
    attention_batch *batch = batch_make(trial, attention);
    call_skip_unsupported(trial, batch);
    call_surroundings around = call_surroundings_usual(trial);
    around.layout = attention->layout;
    if (trial->pass == VARLEN_PASS_FORWARD)
        run_forward(trial, batch, &around);
    else
        run_backward(trial, batch, &around);
}
