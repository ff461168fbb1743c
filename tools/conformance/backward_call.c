/* varlen_backward on a batch; see backward_call.h. */
#include "backward_call.h"

/* out, lse, dout and dlse. The latter two are NaN in rows of no sequence: they are not read. */
static void give_forward_results(const attention_batch *batch, const forward_answer *forward, tensor_layout layout,
                                 backward_call *call)
{
    tensor_shape out_shape = call_query_shape(batch, "out", call_value_dim(batch));
    tensor_shape dout_shape = call_query_shape(batch, "dout", call_value_dim(batch));
    strided_tensor out = layout_alone(&call->blocks, layout, &out_shape, BLOCK_INPUT_FILL);
    strided_tensor dout = layout_alone(&call->blocks, layout, &dout_shape, BLOCK_INPUT_FILL);
    strided_tensor lse = call_place_lse(batch, "lse", &call->blocks, BLOCK_INPUT_FILL);
    tensor_store(&out, forward->out.values);
    tensor_store(&lse, forward->lse.values);
    tensor_store(&dout, batch->dout);
    call->args.out = tensor_view(&out);
    call->args.lse = block_data(lse.block);
    call->args.dout = tensor_view(&dout);
    if (!batch->dlse)
        return;
    strided_tensor dlse = call_place_lse(batch, "dlse", &call->blocks, BLOCK_INPUT_FILL);
    tensor_store(&dlse, batch->dlse);
    call->args.dlse = block_data(dlse.block);
}

static void place_outputs(const attention_batch *batch, const call_surroundings *around, backward_call *call)
{
    tensor_shape dq = call_query_shape(batch, "dq", batch->attention.head_dim);
    tensor_shape dk = call_key_shape(batch, "dk", batch->attention.head_dim);
    tensor_shape dv = call_key_shape(batch, "dv", call_value_dim(batch));
    call->gradients = layout_triple(&call->blocks, around->layout, &dq, &dk, &dv, around->output_fill);
    call->args.dq = tensor_view(&call->gradients.q);
    call->args.dk = tensor_view(&call->gradients.k);
    call->args.dv = tensor_view(&call->gradients.v);
    if (!batch->sinks)
        return;
    call->dsinks.shape = (tensor_shape){"dsinks", VARLEN_FLOAT32, 1, 1, 1, batch->attention.q_heads};
    call->dsinks.block =
        block_add(&call->blocks, "dsinks", batch->attention.q_heads * (int64_t)sizeof(float), around->output_fill);
    call->args.dsinks = block_data(call->dsinks.block);
}

backward_call backward_call_prepare(case_trial *trial, const attention_batch *batch, const forward_answer *forward,
                                    const call_surroundings *around)
{
    backward_call call = {.trial = trial, .attention = batch->attention, .blocks.session = around->session};
    call.args.struct_size = sizeof call.args;
    call.inputs = call_inputs_make(batch, around->layout, &call.blocks);
    give_forward_results(batch, forward, around->layout, &call);
    place_outputs(batch, around, &call);
    call.workspace = call_place_workspace(batch, VARLEN_PASS_BACKWARD, &call.blocks, around->workspace_fill,
                                          &call.args.workspace_size);
    call.args.workspace = block_data(call.workspace);
    block_list_upload(&call.blocks);
    return call;
}

varlen_status backward_call_submit(const backward_call *call)
{
    const device_session *session = call->blocks.session;
    varlen_backward_args args = call->args;
    args.inputs = &call->inputs;
    return varlen_backward(session->context, session->stream, &call->attention, &args);
}

backward_result backward_call_finish(backward_call *call)
{
    block_list_download(&call->blocks);
    backward_result result = {call_load(call->trial, &call->gradients.q), call_load(call->trial, &call->gradients.k),
                              call_load(call->trial, &call->gradients.v), NULL};
    if (call->dsinks.block)
        result.dsinks = call_load(call->trial, &call->dsinks);
    if (call->workspace)
        block_accept(call->workspace);
    block_list_check(&call->blocks);
    return result;
}

backward_result backward_run(case_trial *trial, const attention_batch *batch, const forward_answer *forward,
                             const call_surroundings *around)
{
    backward_call call = backward_call_prepare(trial, batch, forward, around);
    trial_expect_ok(trial, backward_call_submit(&call), "varlen_backward");
    return backward_call_finish(&call);
}
