/* A stand-in for a model: what a token brings to attention is made from its number, and the next token is read from
 * what attention gives. Its heads, layers and words are an engine's; its weights are a hash, so nothing is to be
 * loaded. */
#ifndef SERVE_MODEL_H
#define SERVE_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include <varlen/varlen.h>

enum {
    MODEL_LAYERS = 2,
    MODEL_Q_HEADS = 8,
    MODEL_KV_HEADS = 2,
    MODEL_DIM = 64,
    MODEL_QKV = (MODEL_Q_HEADS + 2 * MODEL_KV_HEADS) * MODEL_DIM, /* elements of a token's queries, keys and values */
    MODEL_OUT = MODEL_Q_HEADS * MODEL_DIM,                        /* elements of what attention gives for it */
    MODEL_WORDS = MODEL_OUT                                       /* tokens are 0 .. MODEL_WORDS - 1 */
};

typedef struct model {
    varlen_dtype dtype; /* VARLEN_FLOAT32 or VARLEN_BFLOAT16 */
    void *qkv;          /* [layers, words, MODEL_QKV]: the fused projection of each word */
    float *rotary_cos;  /* [positions, MODEL_DIM / 2] */
    float *rotary_sin;  /* likewise */
    int32_t positions;
} model;

/* 0, or -1 for want of memory. What was made is freed by model_free, also after a failure. */
int model_make(model *made, varlen_dtype dtype, int32_t positions);
void model_free(model *made);

/* A word that depends on the two numbers alone. */
int32_t model_word(uint32_t sequence, uint32_t position);

/* Where a word's queries, keys and values are, in one layer. */
const void *model_qkv(const model *made, int32_t layer, int32_t word);

/* The word that follows a token whose row `out` [MODEL_OUT] the last layer gave. */
int32_t model_next(const model *made, const void *out);

float model_load(varlen_dtype dtype, const void *elements, size_t index);
void model_store(varlen_dtype dtype, void *elements, size_t index, float value);

#endif
