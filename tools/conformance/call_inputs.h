/* What varlen_forward and varlen_backward are both given: the inputs of a batch in device memory. */
#ifndef VARLEN_TESTS_CALL_INPUTS_H
#define VARLEN_TESTS_CALL_INPUTS_H

#include "attention_batch.h"

/* What may differ from a call to another without a difference in results. */
typedef struct call_surroundings {
    device_session *session;
    tensor_layout layout;
    uint8_t output_fill; /* what outputs and their surroundings hold before the call */
    uint8_t workspace_fill;
} call_surroundings;

/* Surroundings for a call that is not about them. */
call_surroundings call_surroundings_usual(case_trial *trial);

/* Skips the case unless the device does this problem in the trial's pass. */
void call_skip_unsupported(case_trial *trial, const attention_batch *batch);

/* Adds the inputs to `blocks` and says where they are. Nothing is uploaded yet. */
varlen_inputs call_inputs_make(const attention_batch *batch, tensor_layout layout, block_list *blocks);

int32_t call_value_dim(const attention_batch *batch);
tensor_shape call_query_shape(const attention_batch *batch, const char *name, int32_t dim);
tensor_shape call_key_shape(const attention_batch *batch, const char *name, int32_t dim);

/* lse or its gradient, whose rows lie by heads. */
strided_tensor call_place_lse(const attention_batch *batch, const char *name, block_list *blocks, uint8_t fill);

/* Writes the size that the call needs; NULL if it needs none. */
device_block *call_place_workspace(const attention_batch *batch, varlen_pass pass, block_list *blocks, uint8_t fill,
                                   size_t *size);

/* An output's values, from what was seen. */
double *call_load(case_trial *trial, const strided_tensor *tensor);

#endif
