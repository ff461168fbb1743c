/* The attention of a serving engine: a paged cache on one device, and a step that appends a batch's new keys and values
 * to it and attends to them. All memory is had when the engine is made; a step has two shapes, always on the same
 * addresses. */
#ifndef SERVE_ENGINE_H
#define SERVE_ENGINE_H

#include <varlen/varlen.h>

#include "graph.h"
#include "model.h"
#include "scheduler.h"

/* Decoding steps have a row for each slot, mixed ones a row for each token of the budget. Rows past the batch's last
 * belong to no sequence, and cost next to nothing. */
typedef enum step_shape { STEP_DECODE, STEP_MIXED, STEP_SHAPES } step_shape;

typedef struct engine {
    varlen_context *context;
    varlen_device_info device;
    varlen_stream stream;
    scheduler_limits limits;
    const model *model;

    void *memory;        /* the device's, in one piece, of which these are parts: */
    int32_t *cu_seqlens; /* these three as in the batch, from its metadata */
    int32_t *cached;
    int32_t *page_table;
    int32_t *used;     /* [slots]: keys in the cache after the step's append */
    float *rotary_cos; /* as the model's */
    float *rotary_sin;
    void *qkv;       /* [layers, budget, MODEL_QKV] */
    void *cache;     /* [layers, page_count, page_size, 2, MODEL_KV_HEADS, MODEL_DIM] */
    void *out;       /* [layers, budget, MODEL_OUT] */
    void *workspace; /* of either shape: layers follow one another */
    size_t workspace_size;

    void *host_qkv; /* on their way to the device, as `qkv` */
    void *host_out; /* what the last step gave, as `out` */
    graph graphs[STEP_SHAPES];
} engine;

/* The device that VARLEN_BACKEND names, and the dtype that a model is to have for it: float32 where it is taken. */
varlen_status engine_open(engine *made, varlen_dtype *dtype);

/* All that steps need. The model is the caller's, and is read as long as the engine is in use. */
varlen_status engine_prepare(engine *made, const model *of, const scheduler_limits *limits);

/* Frees what there is, whatever went wrong before. */
void engine_close(engine *made);

/* Runs a batch, and waits for it. Then engine_out gives rows. */
varlen_status engine_step(engine *made, const batch *next);

/* Row `row` [MODEL_OUT] of the last step's attention in one layer. */
const void *engine_out(const engine *made, int32_t layer, int32_t row);

#endif
