/* varlen_supports, varlen_workspace_size, varlen_explain, varlen_forward, varlen_backward. */
#include <stdio.h>
#include <string.h>

#include "backend_limits.h"
#include "context.h"
#include "float_state.h"
#include "metadata.h"
#include "rule.h"
#include "rules_attention.h"
#include "rules_passes.h"
#include "structs.h"
#include "text.h"
#include "violation.h"

/* A problem on its way to the backend. */
typedef struct problem {
    varlen_attention own; /* as this library has it */
    varlen_struct_room room;
    const varlen_attention *handed; /* as the backend has it */
} problem;

/* All that can be said about the problem before the backend is asked. */
static varlen_status prepare(const varlen_context *context, const varlen_attention *given, varlen_pass pass,
                             problem *made)
{
    VARLEN_TRY(varlen_check_attention(given, pass, &made->own));
    const bool exists = pass == VARLEN_PASS_FORWARD || context->backend->backward;
    VARLEN_TRY(varlen_require_function(context, exists, "varlen_backward"));
    VARLEN_TRY(varlen_limits_check_attention(context, &made->own, pass));
    VARLEN_TRY(varlen_struct_check_fit(VARLEN_STRUCT_ATTENTION, &made->own, context->backend));
    made->handed = varlen_struct_fit(VARLEN_STRUCT_ATTENTION, &made->own, context->backend, &made->room);
    return VARLEN_OK;
}

static varlen_status check_metadata(const varlen_context *context, const varlen_attention *attention, varlen_pass pass,
                                    const varlen_inputs *inputs)
{
    if (!context->inspects_metadata)
        return VARLEN_OK;
    const varlen_violation found = varlen_inspect_attention(attention, pass, inputs);
    return varlen_fail_violation(&found);
}

/* What takes the backend to know, then what takes the data. */
static varlen_status check_call(const varlen_context *context, const problem *asked, varlen_pass pass,
                                const varlen_inputs *inputs, const void *workspace, size_t size)
{
    size_t needed = 0;
    VARLEN_TRY(VARLEN_CALL_BACKEND(context, supports, asked->handed, pass));
    VARLEN_TRY(VARLEN_CALL_BACKEND(context, workspace_size, asked->handed, pass, &needed));
    VARLEN_TRY(varlen_check_workspace(workspace, size, needed));
    return check_metadata(context, &asked->own, pass, inputs);
}

varlen_status varlen_supports(varlen_context *context, const varlen_attention *attention, varlen_pass pass)
{
    VARLEN_DEFAULT_FLOAT_STATE;
    problem asked;
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    VARLEN_TRY(prepare(context, attention, pass, &asked));
    return VARLEN_CALL_BACKEND(context, supports, asked.handed, pass);
}

varlen_status varlen_workspace_size(varlen_context *context, const varlen_attention *attention, varlen_pass pass,
                                    size_t *size)
{
    VARLEN_DEFAULT_FLOAT_STATE;
    problem asked;
    size_t needed = 0;
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    VARLEN_RULE(size, INVALID_ARGUMENT, "size is NULL");
    VARLEN_TRY(prepare(context, attention, pass, &asked));
    VARLEN_TRY(VARLEN_CALL_BACKEND(context, supports, asked.handed, pass));
    VARLEN_TRY(VARLEN_CALL_BACKEND(context, workspace_size, asked.handed, pass, &needed));
    *size = needed;
    return VARLEN_OK;
}

/* Each of a backend's lines as one that a terminal shows as it is. */
static void write_lines(const char *told, char *text, size_t size)
{
    size_t length = 0;
    for (const char *line = told; line && length < size; line = strchr(line, '\n')) {
        varlen_text clean = {0};
        const char *separator = line == told ? "" : "\n";
        line += line != told;
        varlen_text_add(&clean, "%.*s", (int)strcspn(line, "\n"), line);
        length += (size_t)snprintf(text + length, size - length, "%s%s", separator, clean.data);
    }
}

varlen_status varlen_explain(varlen_context *context, const varlen_attention *attention, varlen_pass pass, char *text,
                             size_t size)
{
    VARLEN_DEFAULT_FLOAT_STATE;
    problem asked;
    char told[VARLEN_EXPLAIN_SIZE] = "";
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    VARLEN_RULE(text, INVALID_ARGUMENT, "text is NULL");
    VARLEN_RULE(size > 0, INVALID_ARGUMENT, "size = 0 leaves no room for a text");
    VARLEN_TRY(prepare(context, attention, pass, &asked));
    VARLEN_TRY(VARLEN_CALL_BACKEND(context, supports, asked.handed, pass));
    VARLEN_RULE(context->backend->explain, UNSUPPORTED, "backend %s does not tell which kernels calls go to",
                context->backend->name);
    VARLEN_TRY(VARLEN_CALL_BACKEND(context, explain, asked.handed, pass, told, sizeof told));
    told[sizeof told - 1] = '\0';
    write_lines(told, text, size);
    return VARLEN_OK;
}

varlen_status varlen_forward(varlen_context *context, varlen_stream stream, const varlen_attention *attention,
                             const varlen_forward_args *args)
{
    VARLEN_DEFAULT_FLOAT_STATE;
    const varlen_pass pass = VARLEN_PASS_FORWARD;
    problem asked;
    varlen_inputs inputs;
    varlen_forward_args data;
    varlen_struct_room inputs_room, data_room;
    VARLEN_TRY(varlen_begin_call(context));
    const varlen_backend *backend = context->backend;
    VARLEN_TRY(prepare(context, attention, pass, &asked));
    VARLEN_TRY(varlen_check_forward(&asked.own, args, &inputs, &data));
    VARLEN_TRY(varlen_struct_check_fit(VARLEN_STRUCT_INPUTS, &inputs, backend));
    VARLEN_TRY(varlen_struct_check_fit(VARLEN_STRUCT_FORWARD_ARGS, &data, backend));
    VARLEN_TRY(check_call(context, &asked, pass, &inputs, data.workspace, data.workspace_size));
    data.inputs = varlen_struct_fit(VARLEN_STRUCT_INPUTS, &inputs, backend, &inputs_room);
    return VARLEN_CALL_BACKEND(context, forward, stream, asked.handed,
                               varlen_struct_fit(VARLEN_STRUCT_FORWARD_ARGS, &data, backend, &data_room));
}

varlen_status varlen_backward(varlen_context *context, varlen_stream stream, const varlen_attention *attention,
                              const varlen_backward_args *args)
{
    VARLEN_DEFAULT_FLOAT_STATE;
    const varlen_pass pass = VARLEN_PASS_BACKWARD;
    problem asked;
    varlen_inputs inputs;
    varlen_backward_args data;
    varlen_struct_room inputs_room, data_room;
    VARLEN_TRY(varlen_begin_call(context));
    const varlen_backend *backend = context->backend;
    VARLEN_TRY(prepare(context, attention, pass, &asked));
    VARLEN_TRY(varlen_check_backward(&asked.own, args, &inputs, &data));
    VARLEN_TRY(varlen_struct_check_fit(VARLEN_STRUCT_INPUTS, &inputs, backend));
    VARLEN_TRY(varlen_struct_check_fit(VARLEN_STRUCT_BACKWARD_ARGS, &data, backend));
    VARLEN_TRY(check_call(context, &asked, pass, &inputs, data.workspace, data.workspace_size));
    data.inputs = varlen_struct_fit(VARLEN_STRUCT_INPUTS, &inputs, backend, &inputs_room);
    return VARLEN_CALL_BACKEND(context, backward, stream, asked.handed,
                               varlen_struct_fit(VARLEN_STRUCT_BACKWARD_ARGS, &data, backend, &data_room));
}
