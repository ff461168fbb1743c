/* varlen_forward on a batch; see forward_call.h. */
#include "forward_call.h"

forward_call forward_call_prepare(case_trial *trial, const attention_batch *batch, const call_surroundings *around)
{
    forward_call call = {.trial = trial, .attention = batch->attention, .blocks.session = around->session};
    call.args.struct_size = sizeof call.args;
    call.inputs = call_inputs_make(batch, around->layout, &call.blocks);
    tensor_shape out = call_query_shape(batch, "out", call_value_dim(batch));
    call.out = layout_alone(&call.blocks, around->layout, &out, around->output_fill);
    call.args.out = tensor_view(&call.out);
    if (!batch->without_lse) {
        call.lse = call_place_lse(batch, "lse", &call.blocks, around->output_fill);
        call.args.lse = block_data(call.lse.block);
    }
    call.workspace = call_place_workspace(batch, VARLEN_PASS_FORWARD, &call.blocks, around->workspace_fill,
                                          &call.args.workspace_size);
    call.args.workspace = block_data(call.workspace);
    block_list_upload(&call.blocks);
    return call;
}

varlen_status forward_call_submit(const forward_call *call)
{
    const device_session *session = call->blocks.session;
    varlen_forward_args args = call->args;
    args.inputs = &call->inputs;
    return varlen_forward(session->context, session->stream, &call->attention, &args);
}

forward_result forward_call_finish(forward_call *call)
{
    block_list_download(&call->blocks);
    forward_result result = {.out = call_load(call->trial, &call->out)};
    if (call->lse.block)
        result.lse = call_load(call->trial, &call->lse);
    if (call->workspace)
        block_accept(call->workspace);
    block_list_check(&call->blocks);
    return result;
}

forward_result forward_run(case_trial *trial, const attention_batch *batch, const call_surroundings *around)
{
    forward_call call = forward_call_prepare(trial, batch, around);
    trial_expect_ok(trial, forward_call_submit(&call), "varlen_forward");
    return forward_call_finish(&call);
}
