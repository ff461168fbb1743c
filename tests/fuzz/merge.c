/* varlen_merge gives what the parts weigh together, also in place, and touches nothing else. */
#include "target.h"

#include "answer.h"
#include "arena.h"
#include "bait.h"
#include "contexts.h"
#include "fields.h"
#include "finding.h"
#include "numbers.h"

#include "conformance/dtypes.h"
#include "conformance/slack.h"

#include <math.h>
#include <string.h>

static void print(const void *args)
{
    fields_print(&fields_of_merge, args);
}

static varlen_status merge(varlen_context *context, const void *args)
{
    return varlen_merge(context, NULL, args);
}

static view_shape shape_of(const varlen_merge_args *args, bool is_partial)
{
    return (view_shape){.name = is_partial ? "partial_out" : "out",
                        .written = !is_partial,
                        .element_size = varlen_dtype_size(is_partial ? args->partial_dtype : args->dtype),
                        .alignment = 16,
                        .steps = is_partial ? args->parts : 1,
                        .tokens = args->tokens,
                        .heads = args->heads,
                        .dim = args->value_dim};
}

/* Of one part's rows, some saw nothing. */
static float *place_lse(fuzz_input *input, varlen_merge_args *args)
{
    const int64_t rows = args->heads * args->tokens, gap = input_chance(input, 64) ? input_below(input, 8) : 0;
    const int64_t count = args->parts * (rows + gap);
    args->partial_lse_stride = gap ? rows + gap : 0;
    float *lse = arena_take("partial_lse", (size_t)count * sizeof *lse, 0);
    numbers_fill_newest(VARLEN_FLOAT32);
    const int32_t empty_every = INPUT_PICK(input, 0, 0, 1, 2, 3);
    for (int64_t n = 0; n < count && empty_every; n += empty_every)
        lse[n] = n % 2 ? INFINITY : -INFINITY;
    return lse;
}

/* In place: out and lse are those of a part. */
static void place_in_part(fuzz_input *input, varlen_merge_args *args)
{
    const view_shape shape = shape_of(args, true);
    const tensor_view view = view_read(&shape, &args->partial_out, args->partial_out_stride);
    const int64_t part = input_below(input, args->parts), rows = args->heads * args->tokens;
    const bool is_expanded =
        args->partial_out.token_stride == VARLEN_EXPANDED || args->partial_out.head_stride == VARLEN_EXPANDED;
    if (args->dtype == args->partial_dtype && !is_expanded && rows > 0) {
        args->out = args->partial_out;
        args->out.data = view_row(&view, part, 0, 0);
    }
    const int64_t stride = args->partial_lse_stride ? args->partial_lse_stride : rows;
    args->lse = (float *)args->partial_lse + part * stride;
}

static varlen_merge_args make(fuzz_input *input)
{
    varlen_merge_args args = {.struct_size = sizeof args, .dtype = (varlen_dtype)input_below(input, 3)};
    args.partial_dtype = input_chance(input, 96) ? VARLEN_FLOAT32 : args.dtype;
    args.parts = 1 + input_below(input, 4);
    args.heads = 1 + input_below(input, 3);
    args.tokens = input_chance(input, 16) ? input_below(input, 40) : input_below(input, 5);
    args.value_dim = INPUT_PICK(input, 8, 8, 328, 16, 16, 24, 40, 64, 128, 256);
    numbers_seed(input_byte(input));
    const view_shape partial = shape_of(&args, true), out = shape_of(&args, false);
    args.partial_out = view_place(input, &partial, &args.partial_out_stride);
    numbers_fill_newest(args.partial_dtype);
    args.partial_lse = place_lse(input, &args);
    args.out = view_place(input, &out, NULL);
    args.lse = arena_take("lse", (size_t)(args.heads * args.tokens) * sizeof(float), 0);
    if (input_chance(input, 64))
        place_in_part(input, &args);
    if (input_chance(input, 16))
        args.lse = NULL;
    return args;
}

typedef struct merge_model {
    const varlen_merge_args *args;
    expectation expected;
    int64_t lse_stride;
    tensor_view partial;
    tensor_view out;
} merge_model;

static merge_model read_problem(const varlen_merge_args *args)
{
    merge_model model = {.args = args};
    expectation *expected = &model.expected;
    const int32_t dim = args->value_dim;
    expect_rule(expected, (unsigned)args->dtype <= 2 && (unsigned)args->partial_dtype <= 2, "dtype");
    expect_rule(expected, args->parts >= 1 && args->heads >= 1, "parts, heads");
    expect_rule(expected, args->tokens >= 0 && args->tokens <= INT32_MAX, "tokens");
    expect_rule(expected, view_dim_is_legal(dim), "value_dim");
    expect_rule(expected, args->reserved == 0, "reserved");
    if (expected->reach != VIEW_BACKED)
        return model;
    const view_shape partial = shape_of(args, true), out = shape_of(args, false);
    const int64_t rows = args->heads * args->tokens;
    model.partial = view_read(&partial, &args->partial_out, args->partial_out_stride);
    model.out = view_read(&out, &args->out, 0);
    model.lse_stride = args->partial_lse_stride && args->parts > 1 ? args->partial_lse_stride : rows;
    expect_view(expected, &model.partial);
    expect_view(expected, &model.out);
    expect_rule(expected, model.lse_stride >= rows, "partial_lse_stride");
    expect_array(expected, "partial_lse", args->partial_lse, (__int128)(args->parts - 1) * model.lse_stride + rows, 4,
                 args->tokens > 0 ? ARRAY_REQUIRED : ARRAY_OPTIONAL);
    expect_memory(expected, dim <= VIEW_WIDEST, "the work");
    expect_memory(expected, args->parts <= 64 && args->heads <= 4096 && args->tokens <= 4096, "the work");
    expect_array(expected, "lse", args->lse, rows, 4, ARRAY_OPTIONAL);
    return model;
}

static float lse_before(const merge_model *model, int64_t part, int64_t token, int64_t head)
{
    const float *lse = arena_before(model->args->partial_lse);
    return lse[part * model->lse_stride + head * model->args->tokens + token];
}

/* What one row of the result must be, the same in float32 as a plain program has it, and what float32 is due. */
static void merge_row(const merge_model *model, int64_t token, int64_t head, answer_rows *out, answer_rows *lse)
{
    const int64_t n = token * model->args->heads + head, at = n * out->dim;
    double largest = -INFINITY, sum = 0;
    float plain_sum = 0;
    for (int64_t part = 0; part < model->args->parts; part++) {
        const double value = lse_before(model, part, token, head);
        largest = isinf(value) ? largest : fmax(largest, value);
    }
    lse->want[n] = lse->plain[n] = largest;
    if (isinf(largest))
        return;
    for (int64_t part = 0; part < model->args->parts; part++) {
        const float value = lse_before(model, part, token, head);
        sum += isinf(value) ? 0 : exp(value - largest);
        plain_sum += isinf(value) ? 0 : expf(value - (float)largest);
    }
    lse->want[n] = largest + log(sum);
    lse->plain[n] = (float)largest + logf(plain_sum);
    lse->slack[n] = slack_of(1 + fabs(lse->want[n]));
    for (int64_t part = 0; part < model->args->parts; part++) {
        const float value = lse_before(model, part, token, head);
        double row[VIEW_WIDEST];
        view_load_before(&model->partial, model->args->partial_dtype, part, token, head, row);
        for (int64_t e = 0; e < out->dim && !isinf(value); e++) {
            const double weighed = exp(value - lse->want[n]) * row[e];
            out->want[at + e] += weighed;
            out->slack[at + e] += slack_of(fabs(weighed) * (1 + fabs(value) + fabs(lse->want[n])));
        }
    }
    for (int64_t e = 0; e < out->dim; e++)
        out->plain[at + e] = dtype_round(out->dtype, (float)out->want[at + e]);
}

static bool parts_are_tame(const merge_model *model)
{
    for (int64_t part = 0; part < model->args->parts; part++)
        for (int64_t token = 0; token < model->args->tokens; token++)
            for (int64_t head = 0; head < model->args->heads; head++) {
                const float value = lse_before(model, part, token, head);
                double row[VIEW_WIDEST];
                view_load_before(&model->partial, model->args->partial_dtype, part, token, head, row);
                if (!(isinf(value) || fabsf(value) < 64))
                    return false;
                for (int64_t e = 0; e < model->args->value_dim; e++)
                    if (!(fabs(row[e]) < 64))
                        return false;
            }
    return true;
}

static void judge(const merge_model *model)
{
    const varlen_merge_args *args = model->args;
    const int64_t rows = args->heads * args->tokens;
    memory_pool pool = {0};
    memory_free(&pool);
    answer_rows answers[2] = {answer_make(&pool, "out", args->dtype, rows, args->value_dim, 2),
                              answer_make(&pool, "lse", VARLEN_FLOAT32, rows, 1, 2)};
    for (int n = 0; n < 2; n++) {
        answers[n].plain = memory_take(&pool, rows * answers[n].dim, sizeof(double));
        answers[n].slack = memory_take(&pool, rows * answers[n].dim, sizeof(double));
    }
    answers[1].is_lse = true;
    answer_load(&answers[0], &model->out);
    for (int64_t token = 0; token < args->tokens; token++)
        for (int64_t head = 0; head < args->heads; head++) {
            merge_row(model, token, head, &answers[0], &answers[1]);
            const int64_t n = token * args->heads + head;
            answers[1].got[n] = args->lse ? (double)args->lse[head * args->tokens + token] : answers[1].want[n];
        }
    answer_check(&answers[1]);
    answer_check(&answers[0]);
}

static void run(const around_call *around, const merge_model *model, const void *args, bool must_run)
{
    const int64_t rows = model->args->heads * model->args->tokens;
    arena_seal();
    arena_permit_block(args);
    view_permit_all(&model->partial);
    view_permit_all(&model->out);
    for (int64_t part = 0; part < model->args->parts && rows > 0; part++)
        permit_array(model->args->partial_lse + part * model->lse_stride, rows, 4);
    permit_array(model->args->lse, rows, 4);
    if (!around_run(around, args, must_run))
        return;
    view_accept_all(&model->out);
    if (model->args->lse)
        arena_accept(model->args->lse, (size_t)rows * sizeof(float));
    arena_check(around->name);
    if (parts_are_tame(model))
        judge(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = {data, size};
    arena_reset();
    const around_call around = {
        .name = "varlen_merge", .call = merge, .context = context_pick(&input), .bait = "lse = 0x"};
    varlen_merge_args args = make(&input);
    finding_describe(print, &args);
    const int32_t faults = INPUT_PICK(&input, 0, 0, 0, 1, 1, 1, 2, 3);
    for (int32_t n = 0; n < faults; n++)
        fields_make_hostile(&input, &fields_of_merge, &args);
    merge_model model = read_problem(&args);
    const bool can_run = model.expected.reach == VIEW_BACKED;
    if (faults == 0 && !can_run)
        finding("a valid problem is not as expected: %s", model.expected.where);
    if (!can_run)
        args.lse = bait_address();
    const void *placed = fields_place_struct(&input, "args", &args, sizeof args, faults > 0);
    if (can_run)
        run(&around, &model, placed, faults == 0);
    else
        bait_run(&around, placed, &model.expected);
    return 0;
}
