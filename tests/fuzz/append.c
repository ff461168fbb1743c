/* varlen_kv_append puts new rows where they belong in the cache, rotated, and touches nothing else. */
#include "target.h"

#include "append_model.h"
#include "arena.h"
#include "bait.h"
#include "contexts.h"
#include "fields.h"
#include "finding.h"

static void print(const void *args)
{
    fields_print(&fields_of_kv_append, args);
}

static varlen_status append(varlen_context *context, const void *args)
{
    return varlen_kv_append(context, NULL, args);
}

static void spoil(fuzz_input *input, varlen_kv_append_args *args)
{
    switch (input_below(input, 12)) {
    case 0: metadata_spoil(input, args->cu_seqlens_new, (int64_t)args->batch + 1); break;
    case 1: metadata_spoil(input, args->cu_seqlens_k, (int64_t)args->batch + 1); break;
    case 2: metadata_spoil(input, args->seqused_k, args->batch); break;
    case 3: metadata_spoil(input, args->leftpad_k, args->batch); break;
    case 4: metadata_spoil(input, args->page_table, (int64_t)args->batch * args->page_table_width); break;
    default: fields_make_hostile(input, &fields_of_kv_append, args);
    }
}

static void run(const around_call *around, const append_model *model, const void *args, bool must_run)
{
    arena_seal();
    if (model->is_sound) {
        arena_permit_block(args);
        append_model_permit(model);
    } else {
        arena_permit_all();
    }
    if (!around_run(around, args, must_run))
        return;
    if (!model->is_sound)
        finding("varlen_kv_append: accepted, although its metadata break a rule");
    append_model_accept(model);
    arena_check(around->name);
    append_judge(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = {data, size};
    arena_reset();
    const around_call around = {
        .name = "varlen_kv_append", .call = append, .context = context_pick(&input), .bait = "seqused_k_out = 0x"};
    varlen_kv_append_args args = append_problem_make(&input);
    finding_describe(print, &args);
    const int32_t faults = INPUT_PICK(&input, 0, 0, 0, 1, 1, 1, 2, 3);
    for (int32_t n = 0; n < faults; n++)
        spoil(&input, &args);
    const append_model model = append_model_make(&args);
    const bool can_run = model.expected.reach == VIEW_BACKED;
    if (faults == 0 && !can_run)
        finding("a valid problem is not as expected: %s", model.expected.where);
    if (!can_run)
        args.seqused_k_out = bait_address();
    const void *placed = fields_place_struct(&input, "args", &args, sizeof args, faults > 0);
    if (can_run)
        run(&around, &model, placed, faults == 0);
    else
        bait_run(&around, placed, &model.expected);
    return 0;
}
