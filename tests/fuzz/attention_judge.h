/* Whether an attention call that was accepted gave what the oracle gives. */
#ifndef VARLEN_FUZZ_ATTENTION_JUDGE_H
#define VARLEN_FUZZ_ATTENTION_JUDGE_H

#include "attention_model.h"

/* Writes into memory what forward would have given: backward's out and lse. False if the numbers are too wild for that,
 * or if writing it changed what it was computed from, as it may where memory `is_shared`. */
bool attention_write_forward(const attention_model *model, float *lse, bool is_shared);

void attention_judge_forward(const attention_model *model, const float *lse);
void attention_judge_backward(const attention_model *model, const float *dsinks);

#endif
