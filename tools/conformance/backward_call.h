/* varlen_backward on a batch: from host arrays through device memory and back. */
#ifndef VARLEN_TESTS_BACKWARD_CALL_H
#define VARLEN_TESTS_BACKWARD_CALL_H

#include "attention_answer.h"
#include "call_inputs.h"

/* A batch in device memory, ready to be handed over. */
typedef struct backward_call {
    case_trial *trial;
    block_list blocks;
    varlen_attention attention;
    varlen_inputs inputs;
    varlen_backward_args args; /* but for the inputs */
    tensor_triple gradients;   /* dq, dk, dv */
    strided_tensor dsinks;     /* no block without sinks */
    device_block *workspace;   /* NULL if the call needs none */
} backward_call;

typedef struct backward_result {
    double *dq; /* shaped as q, k, v */
    double *dk;
    double *dv;
    double *dsinks; /* [q_heads], NULL without sinks */
} backward_result;

/* `forward` gives the out and lse that backward reads, so that a forward pass that is off does not blame this one. */
backward_call backward_call_prepare(case_trial *trial, const attention_batch *batch, const forward_answer *forward,
                                    const call_surroundings *around);

varlen_status backward_call_submit(const backward_call *call);

/* Takes the outputs back, and fails the case if anything else has changed. */
backward_result backward_call_finish(backward_call *call);

/* All of it, with a call that must go well. */
backward_result backward_run(case_trial *trial, const attention_batch *batch, const forward_answer *forward,
                             const call_surroundings *around);

#endif
