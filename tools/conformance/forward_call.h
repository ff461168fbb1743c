/* varlen_forward on a batch: from host arrays through device memory and back. */
#ifndef VARLEN_TESTS_FORWARD_CALL_H
#define VARLEN_TESTS_FORWARD_CALL_H

#include "call_inputs.h"

/* A batch in device memory, ready to be handed over. */
typedef struct forward_call {
    case_trial *trial;
    block_list blocks;
    varlen_attention attention;
    varlen_inputs inputs;
    varlen_forward_args args; /* but for the inputs */
    strided_tensor out;
    strided_tensor lse;      /* no block if the batch goes without */
    device_block *workspace; /* NULL if the call needs none */
} forward_call;

typedef struct forward_result {
    double *out; /* [q_rows, q_heads, value_dim] */
    double *lse; /* [q_rows, q_heads], NULL if the batch goes without */
} forward_result;

forward_call forward_call_prepare(case_trial *trial, const attention_batch *batch, const call_surroundings *around);

varlen_status forward_call_submit(const forward_call *call);

/* Takes the outputs back, and fails the case if anything else has changed. */
forward_result forward_call_finish(forward_call *call);

/* All of it, with a call that must go well. */
forward_result forward_run(case_trial *trial, const attention_batch *batch, const call_surroundings *around);

#endif
