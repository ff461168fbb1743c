#include "engine.h"

#include <stdlib.h>
#include <string.h>

static size_t element_size(const engine *made)
{
    return (size_t)varlen_dtype_size(made->model->dtype);
}

static int32_t rows_of(const engine *made, step_shape shape)
{
    return shape == STEP_DECODE ? made->limits.slots : made->limits.budget;
}

/* The start of a layer's part of memory that has `elements` of them for each layer. */
static void *layer_of(const engine *made, void *memory, int32_t layer, size_t elements)
{
    return (char *)memory + (size_t)layer * elements * element_size(made);
}

static size_t cache_elements(const engine *made) /* of one layer */
{
    return (size_t)made->limits.page_count * (size_t)made->limits.page_size * 2 * MODEL_KV_HEADS * MODEL_DIM;
}

/* ---- What is enqueued -------------------------------------------------------------------------------------------- */

/* What a step of one shape asks of attention. Lengths are none of it: they are in the metadata, on the device. */
static varlen_attention problem_of(const engine *made, step_shape shape)
{
    return (varlen_attention){.struct_size = sizeof(varlen_attention),
                              .dtype = made->model->dtype,
                              .batch = made->limits.slots,
                              .q_heads = MODEL_Q_HEADS,
                              .kv_heads = MODEL_KV_HEADS,
                              .head_dim = MODEL_DIM,
                              .total_q = rows_of(made, shape),
                              .max_seqlen_q = shape == STEP_DECODE ? 1 : 0,
                              .mask = VARLEN_MASK_CAUSAL,
                              .page_size = made->limits.page_size,
                              .page_table_width = made->limits.width,
                              .page_count = made->limits.page_count};
}

/* One of queries, keys, values (part = 0, 1, 2) of a layer's new tokens. */
static varlen_tensor new_rows(const engine *made, int32_t layer, int part)
{
    void *qkv = layer_of(made, made->qkv, layer, (size_t)made->limits.budget * MODEL_QKV);
    return varlen_view_fused(qkv, made->model->dtype, part, MODEL_Q_HEADS, MODEL_KV_HEADS, MODEL_DIM);
}

/* Keys or values (part = 0, 1) of a layer's cache. */
static varlen_tensor cached_rows(const engine *made, int32_t layer, int part)
{
    void *cache = layer_of(made, made->cache, layer, cache_elements(made));
    return varlen_view_kvpacked(cache, made->model->dtype, part, MODEL_KV_HEADS, MODEL_DIM);
}

/* Rotates the new queries and keys by their positions, and puts keys and values into the cache. Each layer reads how
 * many keys there were, and writes how many there are to another place: the layers after it need the old number too. */
static varlen_status append(engine *made, varlen_stream stream, int32_t layer, step_shape shape)
{
    const varlen_kv_append_args args = {.struct_size = sizeof args,
                                        .dtype = made->model->dtype,
                                        .batch = made->limits.slots,
                                        .kv_heads = MODEL_KV_HEADS,
                                        .head_dim = MODEL_DIM,
                                        .q_heads = MODEL_Q_HEADS,
                                        .total_new = rows_of(made, shape),
                                        .page_size = made->limits.page_size,
                                        .page_table_width = made->limits.width,
                                        .page_count = made->limits.page_count,
                                        .q = new_rows(made, layer, 0),
                                        .k_new = new_rows(made, layer, 1),
                                        .v_new = new_rows(made, layer, 2),
                                        .k_cache = cached_rows(made, layer, 0),
                                        .v_cache = cached_rows(made, layer, 1),
                                        .cu_seqlens_new = made->cu_seqlens,
                                        .seqused_k = made->cached,
                                        .page_table = made->page_table,
                                        .seqused_k_out = made->used,
                                        .rotary_cos = made->rotary_cos,
                                        .rotary_sin = made->rotary_sin,
                                        .rotary_positions = made->model->positions,
                                        .rotary_dim = MODEL_DIM};
    return varlen_kv_append(made->context, stream, &args);
}

static varlen_status attend(engine *made, varlen_stream stream, int32_t layer, step_shape shape)
{
    const varlen_attention problem = problem_of(made, shape);
    const varlen_inputs inputs = {.struct_size = sizeof inputs,
                                  .q = new_rows(made, layer, 0),
                                  .k = cached_rows(made, layer, 0),
                                  .v = cached_rows(made, layer, 1),
                                  .cu_seqlens_q = made->cu_seqlens,
                                  .seqused_k = made->used,
                                  .page_table = made->page_table};
    const varlen_forward_args args = {.struct_size = sizeof args,
                                      .inputs = &inputs,
                                      .out.data =
                                          layer_of(made, made->out, layer, (size_t)made->limits.budget * MODEL_OUT),
                                      .workspace = made->workspace,
                                      .workspace_size = made->workspace_size};
    return varlen_forward(made->context, stream, &problem, &args);
}

/* All layers of a step. Nothing here allocates, waits or looks at device memory, so it can be captured in a graph: what
 * changes from step to step is in memory that stays where it is. */
static varlen_status enqueue(engine *made, varlen_stream stream, step_shape shape)
{
    varlen_status status = VARLEN_OK;
    for (int32_t layer = 0; !status && layer < MODEL_LAYERS; layer++) {
        status = append(made, stream, layer, shape);
        if (!status)
            status = attend(made, stream, layer, shape);
    }
    return status;
}

static varlen_status enqueue_decode(void *made, varlen_stream stream)
{
    return enqueue(made, stream, STEP_DECODE);
}

static varlen_status enqueue_mixed(void *made, varlen_stream stream)
{
    return enqueue(made, stream, STEP_MIXED);
}

/* ---- A step ------------------------------------------------------------------------------------------------------ */

/* Brings the batch to the device: in a model, the tokens alone would travel, and projections be made there. */
static varlen_status upload(engine *made, const batch *next)
{
    const size_t row = MODEL_QKV * element_size(made);
    const int32_t rows = next->cu_seqlens[next->size];
    varlen_status status = varlen_copy(made->context, made->stream, made->cu_seqlens, next->metadata,
                                       (size_t)batch_metadata_size(&made->limits) * sizeof *next->metadata);
    for (int32_t layer = 0; !status && layer < MODEL_LAYERS; layer++) {
        const size_t elements = (size_t)made->limits.budget * MODEL_QKV;
        char *host = layer_of(made, made->host_qkv, layer, elements);
        for (int32_t i = 0; i < rows; i++)
            memcpy(host + (size_t)i * row, model_qkv(made->model, layer, next->tokens[i]), row);
        status = varlen_copy(made->context, made->stream, layer_of(made, made->qkv, layer, elements), host,
                             (size_t)rows * row);
    }
    return status;
}

static varlen_status download(engine *made, int32_t rows)
{
    const size_t elements = (size_t)made->limits.budget * MODEL_OUT;
    varlen_status status = VARLEN_OK;
    for (int32_t layer = 0; !status && layer < MODEL_LAYERS; layer++)
        status = varlen_copy(made->context, made->stream, layer_of(made, made->host_out, layer, elements),
                             layer_of(made, made->out, layer, elements), (size_t)rows * MODEL_OUT * element_size(made));
    return status;
}

varlen_status engine_step(engine *made, const batch *next)
{
    const step_shape shape = next->decodes_only ? STEP_DECODE : STEP_MIXED;
    varlen_status status = upload(made, next);
    if (!status)
        status = graph_run(&made->graphs[shape], &made->device, made->stream,
                           shape == STEP_DECODE ? enqueue_decode : enqueue_mixed, made);
    if (!status)
        status = download(made, next->cu_seqlens[next->size]);
    if (!status)
        status = varlen_stream_synchronize(made->context, made->stream);
    return status ? status : varlen_context_status(made->context); /* what only the device could see */
}

const void *engine_out(const engine *made, int32_t layer, int32_t row)
{
    const char *rows = layer_of(made, made->host_out, layer, (size_t)made->limits.budget * MODEL_OUT);
    return rows + (size_t)row * MODEL_OUT * element_size(made);
}

/* ---- From opening to closing ------------------------------------------------------------------------------------- */

varlen_status engine_open(engine *made, varlen_dtype *dtype)
{
    *made = (engine){.device.struct_size = sizeof made->device};
    varlen_status status = varlen_open(NULL, &made->context);
    if (!status)
        status = varlen_context_device(made->context, &made->device);
    if (!status)
        status = varlen_stream_create(made->context, &made->stream);
    *dtype = made->device.dtypes & 1u << VARLEN_FLOAT32 ? VARLEN_FLOAT32 : VARLEN_BFLOAT16;
    return status;
}

/* One workspace that either shape can have. */
static varlen_status measure_workspace(engine *made)
{
    varlen_status status = VARLEN_OK;
    for (step_shape shape = STEP_DECODE; !status && shape < STEP_SHAPES; shape++) {
        const varlen_attention problem = problem_of(made, shape);
        size_t size = 0;
        status = varlen_workspace_size(made->context, &problem, VARLEN_PASS_FORWARD, &size);
        made->workspace_size = size > made->workspace_size ? size : made->workspace_size;
    }
    return status;
}

/* The next `bytes` of the device's memory, or only how far they reach, while there is none. */
static void *take(const engine *made, size_t *taken, size_t bytes)
{
    void *start = made->memory ? (char *)made->memory + *taken : NULL;
    *taken += (bytes + 255) / 256 * 256;
    return start;
}

/* Where everything is in the device's memory. Returns how much that is. */
static size_t lay_out(engine *made)
{
    const size_t element = element_size(made), angles = (size_t)made->model->positions * (MODEL_DIM / 2);
    const size_t tokens = (size_t)MODEL_LAYERS * (size_t)made->limits.budget;
    size_t taken = 0;
    int32_t *metadata = take(made, &taken, (size_t)batch_metadata_size(&made->limits) * sizeof *metadata);
    made->used = take(made, &taken, (size_t)made->limits.slots * sizeof *made->used);
    made->rotary_cos = take(made, &taken, angles * sizeof *made->rotary_cos);
    made->rotary_sin = take(made, &taken, angles * sizeof *made->rotary_sin);
    made->qkv = take(made, &taken, tokens * MODEL_QKV * element);
    made->cache = take(made, &taken, MODEL_LAYERS * cache_elements(made) * element);
    made->out = take(made, &taken, tokens * MODEL_OUT * element);
    made->workspace = take(made, &taken, made->workspace_size);
    if (made->memory) {
        made->cu_seqlens = metadata; /* its parts lie as in the batch, so that one copy brings all */
        made->cached = made->cu_seqlens + made->limits.slots + 1;
        made->page_table = made->cached + made->limits.slots;
    }
    return taken;
}

static varlen_status allocate(engine *made)
{
    const size_t tokens = (size_t)MODEL_LAYERS * (size_t)made->limits.budget;
    made->host_qkv = malloc(tokens * MODEL_QKV * element_size(made));
    made->host_out = malloc(tokens * MODEL_OUT * element_size(made));
    if (!made->host_qkv || !made->host_out)
        return VARLEN_ERROR_OUT_OF_MEMORY;
    const varlen_status status = varlen_alloc(made->context, lay_out(made), &made->memory);
    if (!status)
        lay_out(made);
    return status;
}

varlen_status engine_prepare(engine *made, const model *of, const scheduler_limits *limits)
{
    made->model = of;
    made->limits = *limits;
    varlen_status status = measure_workspace(made);
    if (!status)
        status = allocate(made);
    const size_t bytes = (size_t)of->positions * (MODEL_DIM / 2) * sizeof(float);
    if (!status)
        status = varlen_copy(made->context, made->stream, made->rotary_cos, of->rotary_cos, bytes);
    if (!status)
        status = varlen_copy(made->context, made->stream, made->rotary_sin, of->rotary_sin, bytes);
    return status ? status : varlen_stream_synchronize(made->context, made->stream);
}

void engine_close(engine *made)
{
    if (made->context) {
        for (step_shape shape = STEP_DECODE; shape < STEP_SHAPES; shape++)
            graph_free(&made->graphs[shape]);
        varlen_free(made->context, made->memory);
        if (made->stream)
            varlen_stream_destroy(made->context, made->stream);
        varlen_close(made->context);
    }
    free(made->host_qkv);
    free(made->host_out);
}
