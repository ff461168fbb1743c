/* An attention call as the public header describes it: worked out from the structs that it is given, whatever they
 * hold, without the library. */
#ifndef VARLEN_FUZZ_ATTENTION_MODEL_H
#define VARLEN_FUZZ_ATTENTION_MODEL_H

#include "attention_problem.h"
#include "expectation.h"

#include "conformance/memory_pool.h"
#include "conformance/sequence.h"

typedef struct attention_model {
    const varlen_attention *attention;
    const varlen_inputs *inputs;
    int64_t value_dim;
    expectation expected;
    bool is_sound; /* the metadata keep their rules; known if the reach is VIEW_BACKED */
    tensor_view q, k, v, out;
    tensor_view dout, dq, dk, dv; /* of backward */
    const float *dlse;            /* likewise */
} attention_model;

attention_model attention_model_make(const attention_problem *problem);

int64_t model_queries(const attention_model *model, int32_t b);
int64_t model_keys(const attention_model *model, int32_t b);
int64_t model_query_row(const attention_model *model, int32_t b, int64_t i);

typedef struct key_row {
    int64_t page;
    int64_t token;
} key_row;
key_row model_key_row(const attention_model *model, int32_t b, int64_t j);

/* What the call may touch, and nothing else. */
void attention_model_permit(const attention_model *model);

/* Sequence b as its call found it, gathered; dout is that of backward. *tame: no number in it is beyond what results
 * can be judged by. */
sequence attention_model_sequence(memory_pool *pool, const attention_model *model, int32_t b, bool *tame);

#endif
