/* Scales of quantised keys and values of an attention call. */
#ifndef VARLEN_FUZZ_ATTENTION_SCALES_H
#define VARLEN_FUZZ_ATTENTION_SCALES_H

#include "attention_model.h"

/* Gives a problem whose keys are quantised some of them. */
void attention_scales_make(fuzz_input *input, attention_problem *problem);

/* Of a model: its rules; what of them may be read for one key; what k and v of that key are multiplied by, as the call
 * found it. */
void attention_scales_expect(attention_model *model);
void attention_scales_permit(const attention_model *model, key_row row);
double attention_k_scale(const attention_model *model, key_row row, int64_t head);
double attention_v_scale(const attention_model *model, key_row row, int64_t head);

#endif
