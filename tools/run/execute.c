/* Runs the problem of `varlen run` on a device: see run/execute.h. */
#include "run/execute.h"

#include <stdlib.h>

#include "progress.h"

enum { MOST_REPETITIONS = 25 };

#define TIME_BUDGET_MILLISECONDS 1000.0 /* no further repetition after this much measured time */

/* The problem on the device. */
typedef struct run_session {
    const run_problem *problem;
    varlen_context *context;
    void *inputs[INPUT_COUNT];
    void *outputs[OUTPUT_COUNT];
    void *workspace;
    size_t workspace_size; /* of the larger pass */
    varlen_event start;
    varlen_event end;
} run_session;

static void close_session(run_session *session)
{
    if (!session->context)
        return;
    for (int i = 0; i < INPUT_COUNT; i++)
        varlen_free(session->context, session->inputs[i]);
    for (int i = 0; i < OUTPUT_COUNT; i++)
        varlen_free(session->context, session->outputs[i]);
    varlen_free(session->context, session->workspace);
    if (session->start)
        varlen_event_destroy(session->context, session->start);
    if (session->end)
        varlen_event_destroy(session->context, session->end);
    varlen_close(session->context);
}

static bool reserve_workspace(run_session *session, reason *why)
{
    const varlen_attention *attention = &session->problem->attention;
    size_t forward = 0;
    size_t backward = 0;
    if (varlen_workspace_size(session->context, attention, VARLEN_PASS_FORWARD, &forward) != VARLEN_OK)
        return refuse(why, "%s", varlen_error_message());
    if (session->problem->backward &&
        varlen_workspace_size(session->context, attention, VARLEN_PASS_BACKWARD, &backward) != VARLEN_OK)
        return refuse(why, "%s", varlen_error_message());
    session->workspace_size = forward > backward ? forward : backward;
    if (varlen_alloc(session->context, session->workspace_size, &session->workspace) != VARLEN_OK)
        return refuse_with_library_error(why, "the workspace");
    return true;
}

static bool upload(run_session *session, reason *why)
{
    for (run_input input = 0; input < INPUT_EXPECT; input++) {
        const npy_array *array = &session->problem->inputs[input];
        if (array->dimensions == 0)
            continue;
        /* Never size 0: a NULL pointer would mean that the array was not given. */
        const size_t size = (size_t)array->count * element_size(array->type);
        if (varlen_alloc(session->context, size ? size : 1, &session->inputs[input]) != VARLEN_OK ||
            (size && varlen_copy(session->context, NULL, session->inputs[input], array->data, size) != VARLEN_OK))
            return refuse_with_library_error(why, run_input_option(input));
    }
    return true;
}

/* The shape of an output, as an array without data. */
static npy_array output_shape(const run_problem *problem, run_output output)
{
    const varlen_attention *a = &problem->attention;
    const element_type type = element_of_dtype(a->dtype);
    const npy_array shapes[OUTPUT_COUNT] = {
        [OUTPUT_OUT] = {type, 3, {a->total_q, a->q_heads, a->value_dim}, 0, NULL},
        [OUTPUT_LSE] = {ELEMENT_FLOAT32, 2, {a->q_heads, a->total_q}, 0, NULL},
        [OUTPUT_DQ] = {type, 3, {a->total_q, a->q_heads, a->head_dim}, 0, NULL},
        [OUTPUT_DK] = {type, 3, {a->total_k, a->kv_heads, a->head_dim}, 0, NULL},
        [OUTPUT_DV] = {type, 3, {a->total_k, a->kv_heads, a->value_dim}, 0, NULL},
    };
    npy_array shape = shapes[output];
    shape.count = 1;
    for (int i = 0; i < shape.dimensions; i++)
        shape.count *= shape.shape[i];
    return shape;
}

static bool allocate_outputs(run_session *session, const run_arguments *arguments, reason *why)
{
    for (run_output output = 0; output < OUTPUT_COUNT; output++) {
        const npy_array shape = output_shape(session->problem, output);
        const size_t size = (size_t)shape.count * element_size(shape.type);
        const bool needed = output == OUTPUT_LSE && session->problem->backward;
        if ((arguments->outputs[output] || needed) &&
            varlen_alloc(session->context, size ? size : 1, &session->outputs[output]) != VARLEN_OK)
            return refuse_with_library_error(why, "an output");
    }
    return true;
}

static bool open_session(run_session *session, const run_arguments *arguments, reason *why)
{
    const varlen_open_options options = {.struct_size = sizeof options, .backend = arguments->backend};
    progress_show(0, 0, "opening the backend, copying the arrays");
    if (varlen_open(&options, &session->context) != VARLEN_OK)
        return refuse(why, "%s", varlen_error_message());
    if (!reserve_workspace(session, why) || !upload(session, why) || !allocate_outputs(session, arguments, why))
        return false;
    if (varlen_event_create(session->context, &session->start) != VARLEN_OK ||
        varlen_event_create(session->context, &session->end) != VARLEN_OK ||
        varlen_stream_synchronize(session->context, NULL) != VARLEN_OK)
        return refuse(why, "%s", varlen_error_message());
    return true;
}

static varlen_inputs inputs_of(const run_session *session)
{
    void *const *in = session->inputs;
    return (varlen_inputs){
        .struct_size = sizeof(varlen_inputs),
        .q = {.data = in[INPUT_Q]},
        .k = {.data = in[INPUT_K]},
        .v = {.data = in[INPUT_V]},
        .cu_seqlens_q = in[INPUT_CU_SEQLENS_Q],
        .cu_seqlens_k = in[INPUT_PAGE_TABLE] || in[INPUT_KEY_STARTS] ? NULL
                        : in[INPUT_CU_SEQLENS_K]                     ? in[INPUT_CU_SEQLENS_K]
                                                                     : in[INPUT_CU_SEQLENS_Q],
        .seqused_q = in[INPUT_SEQUSED_Q],
        .seqused_k = in[INPUT_SEQUSED_K],
        .leftpad_k = in[INPUT_LEFTPAD_K],
        .page_table = in[INPUT_PAGE_TABLE],
        .key_begin = in[INPUT_KEY_BEGIN],
        .key_end = in[INPUT_KEY_END],
        .tree_mask = in[INPUT_TREE_MASK],
        .alibi_slopes = in[INPUT_ALIBI],
        .alibi_batch_stride = session->problem->alibi_batch_stride,
        .sinks = in[INPUT_SINKS],
        .query_positions = in[INPUT_QUERY_POSITIONS],
        .key_starts = in[INPUT_KEY_STARTS],
        .leftpad_q = in[INPUT_LEFTPAD_Q],
    };
}

static varlen_status run_forward(const run_session *session)
{
    const varlen_inputs inputs = inputs_of(session);
    const varlen_forward_args args = {
        .struct_size = sizeof args,
        .inputs = &inputs,
        .out = {.data = session->outputs[OUTPUT_OUT]},
        .lse = session->outputs[OUTPUT_LSE],
        .workspace = session->workspace,
        .workspace_size = session->workspace_size,
    };
    return varlen_forward(session->context, NULL, &session->problem->attention, &args);
}

static varlen_status run_backward(const run_session *session)
{
    const varlen_inputs inputs = inputs_of(session);
    const varlen_backward_args args = {
        .struct_size = sizeof args,
        .inputs = &inputs,
        .out = {.data = session->outputs[OUTPUT_OUT]},
        .lse = session->outputs[OUTPUT_LSE],
        .dout = {.data = session->inputs[INPUT_DOUT]},
        .dq = {.data = session->outputs[OUTPUT_DQ]},
        .dk = {.data = session->outputs[OUTPUT_DK]},
        .dv = {.data = session->outputs[OUTPUT_DV]},
        .workspace = session->workspace,
        .workspace_size = session->workspace_size,
    };
    return varlen_backward(session->context, NULL, &session->problem->attention, &args);
}

typedef varlen_status (*run_pass)(const run_session *session);

static varlen_status time_once(const run_session *session, run_pass pass, double *milliseconds)
{
    varlen_status status = varlen_event_record(session->context, session->start, NULL);
    if (status == VARLEN_OK)
        status = pass(session);
    if (status == VARLEN_OK)
        status = varlen_event_record(session->context, session->end, NULL);
    if (status == VARLEN_OK)
        status = varlen_event_synchronize(session->context, session->end);
    if (status == VARLEN_OK)
        status = varlen_event_elapsed(session->context, session->start, session->end, milliseconds);
    return status;
}

static int compare_doubles(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

static bool time_pass(const run_session *session, const char *name, run_pass pass, run_time *time, reason *why)
{
    double times[MOST_REPETITIONS];
    double spent = 0;
    progress_show(0, MOST_REPETITIONS, name);
    /* The warm-up is also where a device reports bad metadata. */
    if (pass(session) != VARLEN_OK || varlen_stream_synchronize(session->context, NULL) != VARLEN_OK ||
        varlen_context_status(session->context) != VARLEN_OK)
        return refuse(why, "%s", varlen_error_message());
    int count = 0;
    while (count < MOST_REPETITIONS && spent < TIME_BUDGET_MILLISECONDS) {
        if (time_once(session, pass, &times[count]) != VARLEN_OK)
            return refuse(why, "%s", varlen_error_message());
        spent += times[count++];
        progress_show(count, MOST_REPETITIONS, name);
    }
    qsort(times, (size_t)count, sizeof times[0], compare_doubles);
    *time = (run_time){.milliseconds = times[count / 2], .repetitions = count};
    return true;
}

static bool download(const run_session *session, run_output output, npy_array *array, reason *why)
{
    const npy_array shape = output_shape(session->problem, output);
    const size_t size = (size_t)shape.count * element_size(shape.type);
    *array = shape;
    array->type = ELEMENT_FLOAT32;
    if (shape.count == 0)
        return true;
    void *raw = malloc(size);
    array->data = malloc((size_t)shape.count * sizeof(float));
    bool ok = raw && array->data;
    if (!ok)
        refuse(why, "out of memory");
    else if (varlen_copy(session->context, NULL, raw, session->outputs[output], size) != VARLEN_OK ||
             varlen_stream_synchronize(session->context, NULL) != VARLEN_OK)
        ok = refuse(why, "%s", varlen_error_message());
    else
        elements_convert_floats(array->data, ELEMENT_FLOAT32, raw, shape.type, shape.count);
    free(raw);
    return ok;
}

static bool run_session_steps(run_session *session, const run_arguments *arguments, run_result *result, reason *why)
{
    if (!open_session(session, arguments, why) || !time_pass(session, "forward", run_forward, &result->forward, why))
        return false;
    if (session->problem->backward && !time_pass(session, "backward", run_backward, &result->backward, why))
        return false;
    result->device.struct_size = sizeof result->device;
    if (varlen_context_device(session->context, &result->device) != VARLEN_OK)
        return refuse(why, "%s", varlen_error_message());
    for (run_output output = 0; output < OUTPUT_COUNT; output++)
        if (arguments->outputs[output] && !download(session, output, &result->outputs[output], why))
            return false;
    return true;
}

bool run_execute(const run_arguments *arguments, const run_problem *problem, run_result *result, reason *why)
{
    run_session session = {.problem = problem};
    *result = (run_result){0};
    const bool ok = run_session_steps(&session, arguments, result, why);
    close_session(&session);
    if (!ok)
        run_result_free(result);
    return ok;
}

void run_result_free(run_result *result)
{
    for (int i = 0; i < OUTPUT_COUNT; i++)
        npy_free(&result->outputs[i]);
    *result = (run_result){0};
}
