/* A kv_append call: valid ones, and any of them as the public header describes it. */
#ifndef VARLEN_FUZZ_APPEND_MODEL_H
#define VARLEN_FUZZ_APPEND_MODEL_H

#include "attention_metadata.h"
#include "expectation.h"

varlen_kv_append_args append_problem_make(fuzz_input *input);

typedef struct append_model {
    const varlen_kv_append_args *args;
    int64_t value_dim;
    expectation expected;
    bool has_values; /* else keys are appended alone */
    bool is_sound;   /* the metadata keep their rules; known if the reach is VIEW_BACKED */
    tensor_view q, k_new, v_new, k_cache, v_cache, k_scale, v_scale;
} append_model;

append_model append_model_make(const varlen_kv_append_args *args);

/* What the call may touch, and what it writes. */
void append_model_permit(const append_model *model);
void append_model_accept(const append_model *model);

/* Reports a finding unless the cache, q and seqused_k_out hold what they must. Rows that two sequences append to are
 * the caller's to avoid, and are not looked at. */
void append_judge(const append_model *model);

#endif
