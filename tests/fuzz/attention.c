/* varlen_forward and varlen_backward. A call that is accepted gives what the oracle gives, touches nothing but what it
 * must, and writes nothing but its outputs; one that is refused says why, and has written nothing. A valid problem is
 * accepted, one that breaks a rule of the header is not. */
#include "target.h"

#include "arena.h"
#include "attention_judge.h"
#include "attention_model.h"
#include "fields.h"
#include "finding.h"

#include <stdint.h>

/* The call as it is made: the structs lie in the arena, as a program would hand them over. */
typedef struct attention_call {
    const varlen_attention *attention;
    const void *inputs;
    const void *args;
    varlen_context *context;
    varlen_pass pass;
} attention_call;

static const char *const names[] = {"varlen_forward", "varlen_backward"};

static varlen_status submit(const attention_call *call)
{
    refusal_prepare();
    return call->pass == VARLEN_PASS_FORWARD ? varlen_forward(call->context, NULL, call->attention, call->args)
                                             : varlen_backward(call->context, NULL, call->attention, call->args);
}

/* varlen_supports and varlen_workspace_size agree, and leave *size alone where they refuse. */
static varlen_status ask_size(const attention_call *call, size_t *size)
{
    const size_t untouched = (size_t)0x5a5a5a5a5a5a5a5a;
    *size = untouched;
    refusal_prepare();
    const varlen_status status = varlen_workspace_size(call->context, call->attention, call->pass, size);
    if (status != VARLEN_OK) {
        refusal_check("varlen_workspace_size", status);
        if (*size != untouched)
            finding("varlen_workspace_size: refused, and *size was written");
        *size = 0;
    }
    const varlen_status supported = varlen_supports(call->context, call->attention, call->pass);
    if (supported != status && supported != VARLEN_OK)
        finding("varlen_supports gives %s, varlen_workspace_size %s", varlen_status_name(supported),
                varlen_status_name(status));
    return status;
}

static void set_workspace(attention_problem *problem, void *workspace, size_t size)
{
    problem->forward.workspace = problem->backward.workspace = workspace;
    problem->forward.workspace_size = problem->backward.workspace_size = size;
}

static void *workspace_of(const attention_problem *problem)
{
    return problem->pass == VARLEN_PASS_FORWARD ? problem->forward.workspace : problem->backward.workspace;
}

static void place_arguments(fuzz_input *input, attention_problem *problem, attention_call *call)
{
    const bool hostile = problem->is_hostile, forward = problem->pass == VARLEN_PASS_FORWARD;
    const void *args = forward ? (void *)&problem->forward : (void *)&problem->backward;
    call->inputs = fields_place_struct(input, "inputs", &problem->inputs, sizeof problem->inputs, hostile);
    problem->forward.inputs = problem->backward.inputs = call->inputs;
    call->args =
        fields_place_struct(input, "args", args, forward ? sizeof problem->forward : sizeof problem->backward, hostile);
}

/* Refused, and nothing was written. */
static void check_refused(const attention_call *call, varlen_status status)
{
    refusal_check(names[call->pass], status);
    arena_check(names[call->pass]);
}

/* The target has no memory for what the call would touch, so that it must not run: it gets no workspace. */
static void run_without_workspace(const attention_call *call, const attention_model *model)
{
    arena_seal();
    arena_permit_all();
    const varlen_status status = submit(call);
    arena_open();
    if (status == VARLEN_OK)
        finding("%s: accepted without a workspace", names[call->pass]);
    check_refused(call, status);
    if (model->expected.reach == VIEW_IMPOSSIBLE && refusal_begins("workspace_size = 0 is below"))
        finding("%s: accepted but for its workspace, although %s is not as it must be", names[call->pass],
                model->expected.where);
}

static void accept_outputs(const attention_call *call, const attention_model *model, const attention_problem *problem)
{
    if (call->pass == VARLEN_PASS_BACKWARD) {
        view_accept_all(&model->dq);
        view_accept_all(&model->dk);
        view_accept_all(&model->dv);
        if (problem->backward.dsinks)
            arena_accept(problem->backward.dsinks, (size_t)problem->attention.q_heads * sizeof(float));
        return;
    }
    view_accept_all(&model->out);
    if (problem->forward.lse)
        arena_accept(problem->forward.lse,
                     (size_t)(problem->attention.q_heads * problem->attention.total_q) * sizeof(float));
}

static void permit_call(const attention_call *call, const attention_model *model, const attention_problem *problem)
{
    const varlen_attention *a = &problem->attention;
    if (!model->is_sound) {
        arena_permit_all();
        return;
    }
    arena_permit_block(call->attention);
    arena_permit_block(call->inputs);
    arena_permit_block(call->args);
    attention_model_permit(model);
    if (call->pass == VARLEN_PASS_BACKWARD) {
        view_permit_all(&model->dq);
        view_permit_all(&model->dk);
        view_permit_all(&model->dv);
        permit_array(problem->backward.dsinks, a->q_heads, sizeof(float));
        permit_array(problem->backward.lse, a->q_heads * a->total_q, sizeof(float));
        permit_array(problem->backward.dlse, a->q_heads * a->total_q, sizeof(float));
    } else {
        view_permit_all(&model->out);
        permit_array(problem->forward.lse, a->q_heads * a->total_q, sizeof(float));
    }
}

static void judge(const attention_call *call, const attention_model *model, const attention_problem *problem)
{
    if (call->pass == VARLEN_PASS_FORWARD)
        attention_judge_forward(model, problem->forward.lse);
    else
        attention_judge_backward(model, problem->backward.dsinks);
}

static void run(const attention_call *call, const attention_model *model, const attention_problem *problem)
{
    const bool is_backward = call->pass == VARLEN_PASS_BACKWARD;
    bool can_judge = model->is_sound;
    if (is_backward && model->is_sound)
        can_judge = attention_write_forward(model, (float *)problem->backward.lse, problem->is_hostile);
    arena_seal();
    permit_call(call, model, problem);
    const varlen_status status = submit(call);
    arena_open();
    if (status != VARLEN_OK) {
        check_refused(call, status);
        if (!problem->is_hostile)
            finding("%s: a valid problem is refused: %s", names[call->pass], varlen_error_message());
        return;
    }
    if (!model->is_sound)
        finding("%s: accepted, although its metadata break a rule", names[call->pass]);
    accept_outputs(call, model, problem);
    arena_check(names[call->pass]);
    if (can_judge)
        judge(call, model, problem);
}

/* Whether the workspace that the arguments name is one that the call may write. */
static bool workspace_is_ours(const attention_problem *problem, const void *ours, size_t size)
{
    const void *given = workspace_of(problem);
    return given == ours || !given || (uintptr_t)given % 64 != 0 || arena_holds(given, (int64_t)size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = {data, size};
    arena_reset();
    attention_problem problem = attention_problem_make(&input);
    finding_describe(attention_problem_print, &problem);
    const int32_t faults = INPUT_PICK(&input, 0, 0, 0, 1, 1, 1, 2, 3), where = input_byte(&input);
    for (int32_t n = 0; n < faults && where % 3 != 1; n++)
        attention_problem_spoil(&input, &problem);

    attention_call call = {.context = problem.context, .pass = problem.pass};
    call.attention = fields_place_struct(&input, "attention", &problem.attention, sizeof problem.attention, faults > 1);
    size_t needed;
    const bool has_size = ask_size(&call, &needed) == VARLEN_OK;
    void *workspace = arena_workspace(needed);
    set_workspace(&problem, workspace, needed);
    for (int32_t n = 0; n < faults && where % 3 != 0; n++)
        attention_arguments_spoil(&input, &problem);
    problem.is_hostile = faults > 0;
    const attention_model model = attention_model_make(&problem);
    const bool can_run =
        has_size && workspace && model.expected.reach == VIEW_BACKED && workspace_is_ours(&problem, workspace, needed);
    if (!problem.is_hostile && !can_run)
        finding("a valid problem is not as expected: %s; %s", model.expected.where ? model.expected.where : "workspace",
                varlen_error_message());
    if (!can_run)
        set_workspace(&problem, NULL, 0);
    place_arguments(&input, &problem, &call);
    if (can_run)
        run(&call, &model, &problem);
    else
        run_without_workspace(&call, &model);
    return 0;
}
