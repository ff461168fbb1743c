/* What varlen_forward and varlen_backward are both given; see call_inputs.h. */
#include "call_inputs.h"

call_surroundings call_surroundings_usual(case_trial *trial)
{
    return (call_surroundings){
        .session = session_begin(trial), .output_fill = BLOCK_OUTPUT_FILL, .workspace_fill = BLOCK_INPUT_FILL};
}

void call_skip_unsupported(case_trial *trial, const attention_batch *batch)
{
    static const char *const passes[] = {[VARLEN_PASS_FORWARD] = "forward", [VARLEN_PASS_BACKWARD] = "backward"};
    if (!(trial->device.passes & 1u << trial->pass))
        trial_skip(trial, "the device has no %s pass", passes[trial->pass]);
    varlen_status status = varlen_supports(trial->context, &batch->attention, trial->pass);
    trial_expect_ok_or_skip(trial, status, "varlen_supports");
}

int32_t call_value_dim(const attention_batch *batch)
{
    return batch->attention.value_dim ? batch->attention.value_dim : batch->attention.head_dim;
}

tensor_shape call_query_shape(const attention_batch *batch, const char *name, int32_t dim)
{
    return (tensor_shape){name, batch->attention.dtype, 1, batch->q_rows, batch->attention.q_heads, dim};
}

tensor_shape call_key_shape(const attention_batch *batch, const char *name, int32_t dim)
{
    int64_t pages = batch->attention.page_size > 0 ? batch->attention.page_count : 1;
    return (tensor_shape){name, batch->attention.dtype, pages, batch->k_page_rows, batch->attention.kv_heads, dim};
}

static const void *copied(block_list *blocks, const char *name, const void *contents, int64_t count, int64_t size)
{
    return block_data(block_add_copy(blocks, name, contents, count * size));
}

static void give_metadata(const attention_batch *batch, block_list *blocks, varlen_inputs *inputs)
{
    const int64_t size = sizeof(int32_t), count = batch->attention.batch;
    const int64_t entries = count * batch->attention.page_table_width;
    inputs->cu_seqlens_q = copied(blocks, "cu_seqlens_q", batch->cu_seqlens_q, count + 1, size);
    inputs->cu_seqlens_k = copied(blocks, "cu_seqlens_k", batch->cu_seqlens_k, count + 1, size);
    inputs->seqused_q = copied(blocks, "seqused_q", batch->seqused_q, count, size);
    inputs->seqused_k = copied(blocks, "seqused_k", batch->seqused_k, count, size);
    inputs->leftpad_k = copied(blocks, "leftpad_k", batch->leftpad_k, count, size);
    inputs->leftpad_q = copied(blocks, "leftpad_q", batch->leftpad_q, count, size);
    inputs->page_table = copied(blocks, "page_table", batch->page_table, entries, size);
    inputs->key_begin = copied(blocks, "key_begin", batch->key_begin, batch->q_rows, size);
    inputs->key_end = copied(blocks, "key_end", batch->key_end, batch->q_rows, size);
    inputs->query_positions = copied(blocks, "query_positions", batch->query_positions, count, size);
    inputs->key_starts = copied(blocks, "key_starts", batch->key_starts, count, size);
    inputs->tree_mask = copied(blocks, "tree_mask", batch->tree_mask, batch->q_rows, sizeof(uint64_t));
}

static void give_features(const attention_batch *batch, block_list *blocks, varlen_inputs *inputs)
{
    const int64_t heads = batch->attention.q_heads;
    const int64_t slopes = batch->alibi_batch_stride ? batch->attention.batch * batch->alibi_batch_stride : heads;
    inputs->alibi_slopes = copied(blocks, "alibi_slopes", batch->alibi_slopes, slopes, sizeof(float));
    inputs->alibi_batch_stride = batch->alibi_batch_stride;
    inputs->sinks = copied(blocks, "sinks", batch->sinks, heads, sizeof(float));
    inputs->dropout_seed = batch->dropout_seed;
    inputs->dropout_offset = batch->dropout_offset;
    if (batch->dropout_in_memory) {
        const uint64_t state[2] = {batch->dropout_seed, batch->dropout_offset};
        inputs->dropout_state = copied(blocks, "dropout_state", state, 2, sizeof *state);
        inputs->dropout_seed = ~batch->dropout_seed; /* must be passed over */
    }
}

varlen_inputs call_inputs_make(const attention_batch *batch, tensor_layout layout, block_list *blocks)
{
    tensor_shape q = call_query_shape(batch, "q", batch->attention.head_dim);
    tensor_shape k = call_key_shape(batch, "k", batch->attention.head_dim);
    tensor_shape v = call_key_shape(batch, "v", call_value_dim(batch));
    tensor_triple tensors = layout_triple(blocks, layout, &q, &k, &v, BLOCK_INPUT_FILL);
    tensor_store(&tensors.q, batch->q);
    tensor_store(&tensors.k, batch->k);
    tensor_store(&tensors.v, batch->v);
    varlen_inputs inputs = {.struct_size = sizeof inputs,
                            .q = tensor_view(&tensors.q),
                            .k = tensor_view(&tensors.k),
                            .v = tensor_view(&tensors.v),
                            .k_page_stride = tensor_page_stride(&tensors.k),
                            .v_page_stride = tensor_page_stride(&tensors.v)};
    give_metadata(batch, blocks, &inputs);
    give_features(batch, blocks, &inputs);
    return inputs;
}

strided_tensor call_place_lse(const attention_batch *batch, const char *name, block_list *blocks, uint8_t fill)
{
    strided_tensor lse = {
        .shape = {name, VARLEN_FLOAT32, 1, batch->q_rows, batch->attention.q_heads, 1},
        .strides = {.page = 0, .token = 1, .head = batch->q_rows},
    };
    lse.block = block_add(blocks, name, tensor_elements(&lse.shape) * (int64_t)sizeof(float), fill);
    return lse;
}

device_block *call_place_workspace(const attention_batch *batch, varlen_pass pass, block_list *blocks, uint8_t fill,
                                   size_t *size)
{
    trial_expect_ok(blocks->session->trial,
                    varlen_workspace_size(blocks->session->context, &batch->attention, pass, size),
                    "varlen_workspace_size");
    return *size ? block_add(blocks, "workspace", (int64_t)*size, fill) : NULL;
}

double *call_load(case_trial *trial, const strided_tensor *tensor)
{
    double *values = TRIAL_TAKE(trial, tensor_elements(&tensor->shape), double);
    tensor_load(tensor, values);
    return values;
}
