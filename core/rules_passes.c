/* The rules of varlen_forward_args and varlen_backward_args, each with its reason. */
#include "rules_passes.h"

#include "checked_size.h"
#include "rules_common.h"
#include "rules_inputs.h"
#include "structs.h"

/* lse or its gradient: [Hq, Tq]. */
static varlen_array row_array(const varlen_attention *a, const char *name, const float *data, varlen_presence presence,
                              bool written)
{
    return (varlen_array){.name = name,
                          .data = data,
                          .element_size = sizeof(float),
                          .presence = presence,
                          .because = "the weights are computed from it",
                          .elements = varlen_size_product(a->q_heads, a->total_q),
                          .shape = "q_heads * total_q",
                          .written = written};
}

static varlen_array workspace_array(void *workspace, size_t size)
{
    return (varlen_array){.name = "workspace",
                          .data = workspace,
                          .element_size = 1,
                          .presence = VARLEN_OPTIONAL, /* varlen_check_workspace knows better */
                          .elements = size < (size_t)INT64_MAX ? (int64_t)size : INT64_MAX,
                          .shape = "workspace_size",
                          .written = true};
}

varlen_status varlen_check_forward(const varlen_attention *attention, const varlen_forward_args *given,
                                   varlen_inputs *inputs, varlen_forward_args *args)
{
    const varlen_tensor_rule out = varlen_query_rows(attention, "out", attention->value_dim, true);
    varlen_extents extents;
    extents.count = 0;
    VARLEN_TRY(varlen_struct_read(VARLEN_STRUCT_FORWARD_ARGS, given, args));
    VARLEN_TRY(varlen_check_inputs(attention, args->inputs, inputs, &extents));
    args->inputs = inputs;
    VARLEN_TRY(varlen_check_feature(attention, "lse", args->lse, VARLEN_FEATURE_LSE));
    VARLEN_TRY(varlen_check_tensor(&out, &args->out, &extents));
    const varlen_array arrays[] = {row_array(attention, "lse", args->lse, VARLEN_OPTIONAL, true),
                                   workspace_array(args->workspace, args->workspace_size)};
    VARLEN_TRY(varlen_check_arrays(arrays, VARLEN_COUNT_OF(arrays), &extents));
    return varlen_check_overlaps(&extents);
}

static varlen_status check_gradients(const varlen_attention *a, varlen_backward_args *args, varlen_extents *extents)
{
    const varlen_tensor_rule out = varlen_query_rows(a, "out", a->value_dim, false);
    const varlen_tensor_rule dout = varlen_query_rows(a, "dout", a->value_dim, false);
    const varlen_tensor_rule dq = varlen_query_rows(a, "dq", a->head_dim, true);
    const varlen_tensor_rule dk = varlen_key_rows(a, "dk", a->head_dim, NULL, true);
    const varlen_tensor_rule dv = varlen_key_rows(a, "dv", a->value_dim, NULL, true);
    const varlen_array arrays[] = {
        row_array(a, "lse", args->lse, a->total_q > 0 ? VARLEN_REQUIRED : VARLEN_OPTIONAL, false),
        row_array(a, "dlse", args->dlse, VARLEN_OPTIONAL, false),
        {.name = "dsinks",
         .data = args->dsinks,
         .element_size = sizeof(float),
         .presence = args->inputs->sinks ? VARLEN_OPTIONAL : VARLEN_ABSENT,
         .because = "sinks is NULL",
         .elements = a->q_heads,
         .shape = "q_heads",
         .written = true},
        workspace_array(args->workspace, args->workspace_size),
    };
    VARLEN_TRY(varlen_check_feature(a, "dsinks", args->dsinks, VARLEN_FEATURE_DSINKS));
    VARLEN_TRY(varlen_check_feature(a, "dlse", args->dlse, VARLEN_FEATURE_DLSE));
    VARLEN_TRY(varlen_check_tensor(&out, &args->out, extents));
    VARLEN_TRY(varlen_check_tensor(&dout, &args->dout, extents));
    VARLEN_TRY(varlen_check_tensor(&dq, &args->dq, extents));
    VARLEN_TRY(varlen_check_tensor(&dk, &args->dk, extents));
    VARLEN_TRY(varlen_check_tensor(&dv, &args->dv, extents));
    return varlen_check_arrays(arrays, VARLEN_COUNT_OF(arrays), extents);
}

varlen_status varlen_check_backward(const varlen_attention *attention, const varlen_backward_args *given,
                                    varlen_inputs *inputs, varlen_backward_args *args)
{
    varlen_extents extents;
    extents.count = 0;
    VARLEN_TRY(varlen_struct_read(VARLEN_STRUCT_BACKWARD_ARGS, given, args));
    VARLEN_TRY(varlen_check_inputs(attention, args->inputs, inputs, &extents));
    args->inputs = inputs;
    VARLEN_TRY(check_gradients(attention, args, &extents));
    return varlen_check_overlaps(&extents);
}

varlen_status varlen_check_workspace(const void *workspace, size_t size, size_t needed)
{
    /* Scratch is divided into aligned pieces; writing past its end would corrupt memory. */
    VARLEN_RULE((uintptr_t)workspace % 64 == 0, INVALID_ARGUMENT, "workspace = %p is not aligned to 64 bytes",
                workspace);
    VARLEN_RULE(size >= needed, INVALID_ARGUMENT,
                "workspace_size = %zu is below the %zu bytes that varlen_workspace_size asks for", size, needed);
    VARLEN_RULE(workspace || needed == 0, INVALID_ARGUMENT, "workspace is NULL, but the call needs %zu bytes", needed);
    return VARLEN_OK;
}
