/* varlen_supports, varlen_workspace_size, varlen_forward, varlen_backward. */
#include "context.h"
#include "float_state.h"
#include "metadata.h"
#include "rule.h"
#include "rules_attention.h"
#include "rules_passes.h"
#include "violation.h"

static varlen_status check_supported(const varlen_context *context, const varlen_attention *attention, varlen_pass pass)
{
    const bool exists = pass == VARLEN_PASS_FORWARD || context->backend->backward;
    VARLEN_TRY(varlen_require_function(context, exists, "varlen_backward"));
    return VARLEN_CALL_BACKEND(context, supports, attention, pass);
}

static varlen_status check_scratch(const varlen_context *context, const varlen_attention *attention, varlen_pass pass,
                                   const void *workspace, size_t size)
{
    size_t needed = 0;
    VARLEN_TRY(VARLEN_CALL_BACKEND(context, workspace_size, attention, pass, &needed));
    return varlen_check_workspace(workspace, size, needed);
}

static varlen_status check_metadata(const varlen_context *context, const varlen_attention *attention,
                                    const varlen_inputs *inputs)
{
    if (!context->inspects_metadata)
        return VARLEN_OK;
    const varlen_violation found = varlen_inspect_attention(attention, inputs);
    return varlen_fail_violation(&found);
}

varlen_status varlen_supports(varlen_context *context, const varlen_attention *attention, varlen_pass pass)
{
    VARLEN_DEFAULT_FLOAT_STATE;
    varlen_attention problem;
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    VARLEN_TRY(varlen_check_attention(attention, pass, &problem));
    return check_supported(context, &problem, pass);
}

varlen_status varlen_workspace_size(varlen_context *context, const varlen_attention *attention, varlen_pass pass,
                                    size_t *size)
{
    VARLEN_DEFAULT_FLOAT_STATE;
    varlen_attention problem;
    size_t needed = 0;
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    VARLEN_RULE(size, INVALID_ARGUMENT, "size is NULL");
    VARLEN_TRY(varlen_check_attention(attention, pass, &problem));
    VARLEN_TRY(check_supported(context, &problem, pass));
    VARLEN_TRY(VARLEN_CALL_BACKEND(context, workspace_size, &problem, pass, &needed));
    *size = needed;
    return VARLEN_OK;
}

varlen_status varlen_forward(varlen_context *context, varlen_stream stream, const varlen_attention *attention,
                             const varlen_forward_args *args)
{
    VARLEN_DEFAULT_FLOAT_STATE;
    const varlen_pass pass = VARLEN_PASS_FORWARD;
    varlen_attention problem;
    varlen_inputs inputs;
    varlen_forward_args data;
    VARLEN_TRY(varlen_begin_call(context));
    VARLEN_TRY(varlen_check_attention(attention, pass, &problem));
    VARLEN_TRY(varlen_check_forward(&problem, args, &inputs, &data));
    VARLEN_TRY(check_supported(context, &problem, pass));
    VARLEN_TRY(check_scratch(context, &problem, pass, data.workspace, data.workspace_size));
    VARLEN_TRY(check_metadata(context, &problem, &inputs));
    return VARLEN_CALL_BACKEND(context, forward, stream, &problem, &data);
}

varlen_status varlen_backward(varlen_context *context, varlen_stream stream, const varlen_attention *attention,
                              const varlen_backward_args *args)
{
    VARLEN_DEFAULT_FLOAT_STATE;
    const varlen_pass pass = VARLEN_PASS_BACKWARD;
    varlen_attention problem;
    varlen_inputs inputs;
    varlen_backward_args data;
    VARLEN_TRY(varlen_begin_call(context));
    VARLEN_TRY(varlen_check_attention(attention, pass, &problem));
    VARLEN_TRY(varlen_check_backward(&problem, args, &inputs, &data));
    VARLEN_TRY(check_supported(context, &problem, pass));
    VARLEN_TRY(check_scratch(context, &problem, pass, data.workspace, data.workspace_size));
    VARLEN_TRY(check_metadata(context, &problem, &inputs));
    return VARLEN_CALL_BACKEND(context, backward, stream, &problem, &data);
}
