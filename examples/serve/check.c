#include "check.h"

#include <math.h>
#include <stdlib.h>

int check_make(check *made, const model *of, const request *requests, int32_t count)
{
    *made = (check){.model = of, .requests = requests, .count = count};
    made->offsets = calloc((size_t)count + 1, sizeof *made->offsets);
    if (!made->offsets)
        return -1;
    for (int32_t i = 0; i < count; i++) /* the last token is generated, and never attends to anything */
        made->offsets[i + 1] = made->offsets[i] + requests[i].limit - 1;
    made->rows = made->offsets[count];
    made->served = calloc(MODEL_LAYERS * (size_t)made->rows * MODEL_OUT, sizeof *made->served);
    return made->served ? 0 : -1;
}

void check_free(check *made)
{
    free(made->offsets);
    free(made->served);
}

void check_keep(check *made, const engine *from, const batch *step)
{
    for (int32_t layer = 0; layer < MODEL_LAYERS; layer++)
        for (int32_t b = 0; b < step->size; b++)
            for (int32_t row = step->cu_seqlens[b]; row < step->cu_seqlens[b + 1]; row++) {
                const int64_t position = step->cached[b] + row - step->cu_seqlens[b];
                const int64_t kept = layer * made->rows + made->offsets[step->requests[b]->id] + position;
                for (int32_t i = 0; i < MODEL_OUT; i++)
                    made->served[kept * MODEL_OUT + i] =
                        model_load(made->model->dtype, engine_out(from, layer, row), (size_t)i);
            }
}

/* Queries and keys of one token, turned by its position. */
static void rotate(const model *of, void *row, int32_t position)
{
    const int32_t half = MODEL_DIM / 2;
    const float *cosines = of->rotary_cos + position * half, *sines = of->rotary_sin + position * half;
    for (int32_t head = 0; head < MODEL_Q_HEADS + MODEL_KV_HEADS; head++)
        for (int32_t i = 0; i < half; i++) {
            const size_t first = (size_t)(head * MODEL_DIM + i), second = first + (size_t)half;
            const float x = model_load(of->dtype, row, first), y = model_load(of->dtype, row, second);
            model_store(of->dtype, row, first, x * cosines[i] - y * sines[i]);
            model_store(of->dtype, row, second, x * sines[i] + y * cosines[i]);
        }
}

/* All sequences of one layer, end to end: what the engine never has in one place. */
static void fill_sequences(const check *made, int32_t layer, char *qkv)
{
    const size_t bytes = MODEL_QKV * (size_t)varlen_dtype_size(made->model->dtype);
    for (int32_t i = 0; i < made->count; i++)
        for (int32_t position = 0; position < made->requests[i].limit - 1; position++) {
            char *row = qkv + (size_t)(made->offsets[i] + position) * bytes;
            const char *word = model_qkv(made->model, layer, made->requests[i].tokens[position]);
            for (size_t byte = 0; byte < bytes; byte++)
                row[byte] = word[byte];
            rotate(made->model, row, position);
        }
}

static varlen_attention whole_problem(const check *made)
{
    return (varlen_attention){.struct_size = sizeof(varlen_attention),
                              .dtype = made->model->dtype,
                              .batch = made->count,
                              .q_heads = MODEL_Q_HEADS,
                              .kv_heads = MODEL_KV_HEADS,
                              .head_dim = MODEL_DIM,
                              .total_q = made->rows,
                              .total_k = made->rows,
                              .mask = VARLEN_MASK_CAUSAL};
}

/* Device memory of the one call, and its rows on the host, which are used in both directions. */
typedef struct recomputation {
    void *qkv, *out, *workspace;
    int32_t *cu_seqlens;
    size_t workspace_size;
    char *host;
} recomputation;

static varlen_status attend_to_all(const check *made, varlen_context *context, const recomputation *by)
{
    const varlen_dtype dtype = made->model->dtype;
    const varlen_attention problem = whole_problem(made);
    const varlen_inputs inputs = {.struct_size = sizeof inputs,
                                  .q = varlen_view_fused(by->qkv, dtype, 0, MODEL_Q_HEADS, MODEL_KV_HEADS, MODEL_DIM),
                                  .k = varlen_view_fused(by->qkv, dtype, 1, MODEL_Q_HEADS, MODEL_KV_HEADS, MODEL_DIM),
                                  .v = varlen_view_fused(by->qkv, dtype, 2, MODEL_Q_HEADS, MODEL_KV_HEADS, MODEL_DIM),
                                  .cu_seqlens_q = by->cu_seqlens,
                                  .cu_seqlens_k = by->cu_seqlens};
    const varlen_forward_args args = {.struct_size = sizeof args,
                                      .inputs = &inputs,
                                      .out.data = by->out,
                                      .workspace = by->workspace,
                                      .workspace_size = by->workspace_size};
    return varlen_forward(context, NULL, &problem, &args);
}

static varlen_status compare_layer(const check *made, varlen_context *context, const recomputation *by, int32_t layer,
                                   float *largest)
{
    const size_t rows = (size_t)made->rows, element = (size_t)varlen_dtype_size(made->model->dtype);
    fill_sequences(made, layer, by->host);
    varlen_status status = varlen_copy(context, NULL, by->qkv, by->host, rows * MODEL_QKV * element);
    if (!status)
        status = attend_to_all(made, context, by);
    if (!status)
        status = varlen_copy(context, NULL, by->host, by->out, rows * MODEL_OUT * element);
    if (!status)
        status = varlen_stream_synchronize(context, NULL);
    const float *served = made->served + (size_t)layer * rows * MODEL_OUT;
    for (size_t i = 0; !status && i < rows * MODEL_OUT; i++) {
        const float difference = fabsf(served[i] - model_load(made->model->dtype, by->host, i));
        if (!(difference <= *largest)) /* a NaN is as large as can be */
            *largest = difference;
    }
    return status;
}

static varlen_status make_recomputation(const check *made, varlen_context *context, recomputation *by)
{
    const size_t rows = (size_t)made->rows, element = (size_t)varlen_dtype_size(made->model->dtype);
    const varlen_attention problem = whole_problem(made);
    void *cu_seqlens = NULL;
    by->host = malloc(rows * MODEL_QKV * element);
    varlen_status status = by->host ? VARLEN_OK : VARLEN_ERROR_OUT_OF_MEMORY;
    if (!status)
        status = varlen_workspace_size(context, &problem, VARLEN_PASS_FORWARD, &by->workspace_size);
    if (!status)
        status = varlen_alloc(context, by->workspace_size, &by->workspace);
    if (!status)
        status = varlen_alloc(context, rows * MODEL_QKV * element, &by->qkv);
    if (!status)
        status = varlen_alloc(context, rows * MODEL_OUT * element, &by->out);
    if (!status)
        status = varlen_alloc(context, ((size_t)made->count + 1) * sizeof *made->offsets, &cu_seqlens);
    by->cu_seqlens = cu_seqlens;
    return status ? status
                  : varlen_copy(context, NULL, cu_seqlens, made->offsets,
                                ((size_t)made->count + 1) * sizeof *made->offsets);
}

varlen_status check_compare(const check *made, varlen_context *context, float *largest)
{
    recomputation by = {0};
    *largest = 0;
    varlen_status status = make_recomputation(made, context, &by);
    for (int32_t layer = 0; !status && layer < MODEL_LAYERS; layer++)
        status = compare_layer(made, context, &by, layer, largest);
    void *memory[] = {by.qkv, by.out, by.workspace, by.cu_seqlens};
    for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++)
        varlen_free(context, memory[i]);
    free(by.host);
    return status;
}

float check_tolerance(varlen_dtype dtype)
{
    return dtype == VARLEN_FLOAT32 ? 0x1p-18f : 0x1p-6f;
}
