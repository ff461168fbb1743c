/* What the rows of an attention problem see besides its mask: chunks, key ranges and tree masks. */
#ifndef VARLEN_FUZZ_ATTENTION_ROWS_H
#define VARLEN_FUZZ_ATTENTION_ROWS_H

#include "attention_metadata.h"
#include "attention_model.h"

/* Gives a problem whose lengths are made some of them, and their features. */
void attention_rows_make(fuzz_input *input, const attention_sizes *sizes, attention_problem *problem);

/* Of one sequence of a model: whether its rows keep their rules; what of them may be read; what it sees. */
bool attention_rows_are_sound(const attention_model *model, int32_t b, int64_t queries, int64_t keys);
void attention_rows_permit(const attention_model *model, int32_t b);
void attention_rows_give(const attention_model *model, int32_t b, sequence *s);

#endif
