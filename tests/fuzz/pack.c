/* varlen_pack and varlen_unpack copy every row of a sequence, clear the rows of none, and touch nothing else; what they
 * refuse is left alone. */
#include "target.h"

#include "arena.h"
#include "attention_metadata.h"
#include "bait.h"
#include "contexts.h"
#include "fields.h"
#include "finding.h"
#include "numbers.h"

#include <string.h>

typedef struct pack_problem {
    bool unpack;
    varlen_pack_args args;
} pack_problem;

static void print(const void *object)
{
    const pack_problem *problem = object;
    fields_print(&fields_of_pack, &problem->args);
}

static varlen_status pack(varlen_context *context, const void *args)
{
    return varlen_pack(context, NULL, args);
}

static varlen_status unpack(varlen_context *context, const void *args)
{
    return varlen_unpack(context, NULL, args);
}

static view_shape shape_of(const pack_problem *problem, bool is_padded)
{
    const varlen_pack_args *args = &problem->args;
    return (view_shape){.name = is_padded ? "padded" : "packed",
                        .written = is_padded == problem->unpack,
                        .element_size = args->element_size,
                        .alignment = args->element_size,
                        .steps = is_padded ? args->batch : 1,
                        .tokens = is_padded ? args->max_seqlen : args->total,
                        .heads = args->heads,
                        .dim = args->dim};
}

static pack_problem make(fuzz_input *input)
{
    pack_problem problem = {.unpack = input_below(input, 2), .args.struct_size = sizeof problem.args};
    varlen_pack_args *args = &problem.args;
    args->element_size = 1 << input_below(input, 4);
    args->batch = input_below(input, 5);
    args->heads = INPUT_PICK(input, 1, 1, 1, 2, 3, 5);
    args->dim = input_chance(input, 16) ? 1 + input_byte(input) : INPUT_PICK(input, 1, 1, 2, 3, 4, 8, 16, 24, 64);
    const int32_t most = INPUT_PICK(input, 3, 3, 3, 3, 3, 6, 6, 40);
    int32_t *ends = metadata_take("cu_seqlens", args->batch + 1);
    ends[0] = 0;
    int32_t *leftpad = input_chance(input, 96) ? metadata_take("leftpad", args->batch) : NULL;
    for (int32_t b = 0; b < args->batch; b++) {
        const int32_t length = input_below(input, most), padding = leftpad ? input_below(input, 4) : 0;
        ends[b + 1] = ends[b] + length;
        if (leftpad)
            leftpad[b] = padding;
        args->max_seqlen = padding + length > args->max_seqlen ? padding + length : args->max_seqlen;
    }
    args->leftpad = leftpad;
    args->max_seqlen += INPUT_PICK(input, 0, 0, 1, 3);
    args->total = ends[args->batch] + INPUT_PICK(input, 0, 0, 1, 3);
    args->cu_seqlens = ends;
    numbers_seed(input_byte(input));
    const view_shape padded = shape_of(&problem, true), packed = shape_of(&problem, false);
    args->padded = view_place(input, &padded, &args->padded_batch_stride);
    if (problem.unpack == false)
        numbers_fill_newest(VARLEN_FLOAT16);
    args->packed = view_place(input, &packed, NULL);
    if (problem.unpack)
        numbers_fill_newest(VARLEN_FLOAT16);
    return problem;
}

typedef struct pack_model {
    expectation expected;
    bool is_sound;
    tensor_view padded;
    tensor_view packed;
} pack_model;

static int64_t padding_of(const varlen_pack_args *args, int32_t b)
{
    return args->leftpad ? args->leftpad[b] : 0;
}

static bool is_sound(const varlen_pack_args *args)
{
    const int32_t *ends = args->cu_seqlens;
    bool sound = ends[0] == 0;
    for (int32_t b = 0; b < args->batch; b++)
        sound = sound && ends[b] <= ends[b + 1] && ends[b + 1] <= args->total && padding_of(args, b) >= 0 &&
                padding_of(args, b) + ends[b + 1] - ends[b] <= args->max_seqlen;
    return sound;
}

static pack_model read_problem(const pack_problem *problem)
{
    const varlen_pack_args *args = &problem->args;
    const int32_t size = args->element_size;
    pack_model model = {.is_sound = false};
    expectation *expected = &model.expected;
    expect_rule(expected, size == 1 || size == 2 || size == 4 || size == 8, "element_size");
    expect_rule(expected, args->batch >= 0 && args->max_seqlen >= 0, "batch, max_seqlen");
    expect_rule(expected, args->heads >= 1 && args->dim >= 1, "heads, dim");
    expect_rule(expected, args->total >= 0 && args->total <= INT32_MAX, "total");
    expect_rule(expected, args->reserved == 0, "reserved");
    if (expected->reach != VIEW_BACKED)
        return model;
    const view_shape padded = shape_of(problem, true), packed = shape_of(problem, false);
    model.padded = view_read(&padded, &args->padded, args->padded_batch_stride);
    model.packed = view_read(&packed, &args->packed, 0);
    expect_view(expected, &model.padded);
    expect_view(expected, &model.packed);
    expect_memory(expected,
                  args->batch <= 4096 && args->max_seqlen <= 4096 && args->heads <= 4096 && args->total <= 4096,
                  "the work");
    expect_array(expected, "cu_seqlens", args->cu_seqlens, (int64_t)args->batch + 1, 4, ARRAY_REQUIRED);
    expect_array(expected, "leftpad", args->leftpad, args->batch, 4, ARRAY_OPTIONAL);
    model.is_sound = expected->reach == VIEW_BACKED && is_sound(args);
    return model;
}

/* The row of a sequence that is copied from and to. */
typedef void (*row_visitor)(const pack_model *model, bool is_unpack, int64_t b, int64_t t, int64_t row);

static void for_rows(const pack_problem *problem, const pack_model *model, row_visitor visit)
{
    const int32_t *ends = problem->args.cu_seqlens;
    for (int32_t b = 0; b < problem->args.batch; b++)
        for (int32_t row = ends[b]; row < ends[b + 1]; row++)
            visit(model, problem->unpack, b, padding_of(&problem->args, b) + row - ends[b], row);
}

static void permit_source(const pack_model *model, bool is_unpack, int64_t b, int64_t t, int64_t row)
{
    if (is_unpack)
        view_permit(&model->packed, 0, row);
    else
        view_permit(&model->padded, b, t);
}

/* Clears what has been copied rightly, so that all must be 0 in the end. */
static void take_copy(const pack_model *model, bool is_unpack, int64_t b, int64_t t, int64_t row)
{
    const size_t bytes = (size_t)view_row_bytes(&model->padded);
    for (int64_t head = 0; head < model->padded.shape.heads; head++) {
        char *padded = view_row(&model->padded, b, t, head), *packed = view_row(&model->packed, 0, row, head);
        const void *source = arena_before(is_unpack ? packed : padded);
        char *copy = is_unpack ? padded : packed;
        if (memcmp(copy, source, bytes) != 0)
            finding("row %lld of sequence %lld, head %lld, is not a copy", (long long)t, (long long)b, (long long)head);
        memset(copy, 0, bytes);
    }
}

static void check_row_cleared(const tensor_view *view, int64_t step, int64_t token)
{
    static const char zeros[256 * 8];
    const size_t bytes = (size_t)view_row_bytes(view);
    for (int64_t head = 0; head < view->shape.heads; head++) {
        const char *row = view_row(view, step, token, head);
        for (size_t at = 0; at < bytes; at += sizeof zeros)
            if (memcmp(row + at, zeros, bytes - at < sizeof zeros ? bytes - at : sizeof zeros) != 0)
                finding("%s: row %lld of step %lld belongs to no sequence, and is not 0", view->shape.name,
                        (long long)token, (long long)step);
    }
}

static void check_cleared(const tensor_view *view)
{
    for (int64_t step = 0; step < view->shape.steps; step++)
        for (int64_t token = 0; token < view->shape.tokens; token++)
            check_row_cleared(view, step, token);
}

static void run(const around_call *around, const pack_problem *problem, const pack_model *model, const void *args,
                bool must_run)
{
    const tensor_view *target = problem->unpack ? &model->padded : &model->packed;
    arena_seal();
    if (model->is_sound) {
        arena_permit_block(args);
        permit_array(problem->args.cu_seqlens, (int64_t)problem->args.batch + 1, 4);
        permit_array(problem->args.leftpad, problem->args.batch, 4);
        view_permit_all(target);
        for_rows(problem, model, permit_source);
    } else {
        arena_permit_all();
    }
    if (!around_run(around, args, must_run))
        return;
    if (!model->is_sound)
        finding("%s: accepted, although cu_seqlens or leftpad breaks a rule", around->name);
    view_accept_all(target);
    arena_check(around->name);
    for_rows(problem, model, take_copy);
    check_cleared(target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = {data, size};
    arena_reset();
    varlen_context *context = context_pick(&input);
    pack_problem problem = make(&input);
    finding_describe(print, &problem);
    const int32_t faults = INPUT_PICK(&input, 0, 0, 0, 1, 1, 1, 2, 3);
    if (faults > 0 && input_chance(&input, 64)) {
        if (input_chance(&input, 64))
            metadata_spoil(&input, problem.args.leftpad, problem.args.batch);
        else
            metadata_spoil(&input, problem.args.cu_seqlens, (int64_t)problem.args.batch + 1);
    } else
        for (int32_t n = 0; n < faults; n++)
            fields_make_hostile(&input, &fields_of_pack, &problem.args);
    const pack_model model = read_problem(&problem);
    const bool can_run = model.expected.reach == VIEW_BACKED;
    if (faults == 0 && !can_run)
        finding("a valid problem is not as expected: %s", model.expected.where);
    const around_call around = {.name = problem.unpack ? "varlen_unpack" : "varlen_pack",
                                .call = problem.unpack ? unpack : pack,
                                .context = context,
                                .bait = "leftpad = 0x"};
    if (!can_run)
        problem.args.leftpad = bait_address();
    const void *args = fields_place_struct(&input, "args", &problem.args, sizeof problem.args, faults > 0);
    if (can_run)
        run(&around, &problem, &model, args, faults == 0);
    else
        bait_run(&around, args, &model.expected);
    return 0;
}
