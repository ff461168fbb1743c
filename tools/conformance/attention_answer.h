/* What an attention problem must give, by the oracle, with bounds by the plain implementation. */
#ifndef VARLEN_TESTS_ATTENTION_ANSWER_H
#define VARLEN_TESTS_ATTENTION_ANSWER_H

#include "attention_batch.h"
#include "expected.h"

typedef struct forward_answer {
    expected_rows out;
    expected_rows lse; /* [rows, heads, 1], though varlen lays it out by heads */
} forward_answer;

typedef struct backward_answer {
    expected_rows dq;
    expected_rows dk;
    expected_rows dv;
    expected_rows dsinks; /* one row of q_heads */
} backward_answer;

forward_answer answer_forward(case_trial *trial, const attention_batch *batch);

/* `forward` is what the pass is handed: its out, rounded to the dtype. */
backward_answer answer_backward(case_trial *trial, const attention_batch *batch, const forward_answer *forward);

#endif
