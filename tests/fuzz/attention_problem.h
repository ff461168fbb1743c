/* Attention problems: valid ones, and what hostile bytes make of them. */
#ifndef VARLEN_FUZZ_ATTENTION_PROBLEM_H
#define VARLEN_FUZZ_ATTENTION_PROBLEM_H

#include "input.h"

#include <varlen/varlen.h>

typedef struct attention_problem {
    varlen_context *context;
    varlen_pass pass;
    bool is_hostile; /* something was made wrong, or may have been: the call may be refused */
    varlen_attention attention;
    varlen_inputs inputs;
    varlen_forward_args forward;   /* without the inputs, which the target gives it */
    varlen_backward_args backward; /* likewise, and valid if the pass is backward */
} attention_problem;

/* Everything but the workspace. Backward's out and lse are yet to be written. */
attention_problem attention_problem_make(fuzz_input *input);

/* Make something wrong: a field of the problem, an element of its metadata; a field of its inputs or of the pass's
 * arguments. */
void attention_problem_spoil(fuzz_input *input, attention_problem *problem);
void attention_arguments_spoil(fuzz_input *input, attention_problem *problem);

void attention_problem_print(const void *problem);

/* Of k and v. */
static inline varlen_dtype attention_kv_dtype(const varlen_attention *attention)
{
    return attention->kv_dtype ? attention->kv_dtype : attention->dtype;
}

#endif
