/* varlen_cu_seqlens gives running sums, and refuses lengths that have none. */
#include "target.h"

#include "arena.h"
#include "attention_metadata.h"
#include "bait.h"
#include "contexts.h"
#include "fields.h"
#include "finding.h"

#include <stdio.h>

typedef struct sums_args {
    int32_t batch;
    const int32_t *lengths;
    int32_t *cu_seqlens;
} sums_args;

static void print(const void *object)
{
    const sums_args *args = object;
    fprintf(stderr, "batch = %d, lengths = %p, cu_seqlens = %p\n", args->batch, (const void *)args->lengths,
            (void *)args->cu_seqlens);
}

static varlen_status sum(varlen_context *context, const void *object)
{
    const sums_args *args = object;
    return varlen_cu_seqlens(context, NULL, args->batch, args->lengths, args->cu_seqlens);
}

static const field args_fields[] = {
    FIELD(sums_args, batch, INT32),
    FIELD(sums_args, lengths, POINTER),
    FIELD(sums_args, cu_seqlens, POINTER),
};
static const field_table fields_of_args = FIELD_TABLE("varlen_cu_seqlens", args_fields);

static sums_args make(fuzz_input *input)
{
    sums_args args = {.batch = input_below(input, 2) ? input_byte(input) : input_below(input, 9)};
    int32_t *lengths = metadata_take("lengths", args.batch);
    for (int32_t b = 0; b < args.batch; b++)
        lengths[b] = input_byte(input);
    args.lengths = lengths;
    args.cu_seqlens = metadata_take("cu_seqlens", args.batch + 1);
    if (args.batch == 0 && input_chance(input, 128))
        args.lengths = NULL;
    return args;
}

static bool is_sound(const sums_args *args)
{
    int64_t total = 0;
    for (int32_t b = 0; b < args->batch; b++) {
        if (args->lengths[b] < 0)
            return false;
        total += args->lengths[b];
    }
    return total <= INT32_MAX;
}

static void run(const around_call *around, const sums_args *args, bool must_run)
{
    const size_t bytes = (size_t)args->batch * sizeof(int32_t);
    const bool sound = is_sound(args);
    arena_seal();
    permit_array(args->lengths, args->batch, 4);
    permit_array(args->cu_seqlens, (int64_t)args->batch + 1, 4);
    if (!around_run(around, args, must_run))
        return;
    if (!sound)
        finding("varlen_cu_seqlens: accepted lengths without sums");
    arena_accept(args->cu_seqlens, bytes + sizeof(int32_t));
    arena_check(around->name);
    const int32_t *lengths = bytes ? arena_before(args->lengths) : NULL;
    int32_t total = 0;
    for (int32_t b = 0; b <= args->batch; b++) {
        if (args->cu_seqlens[b] != total)
            finding("varlen_cu_seqlens: cu_seqlens[%d] = %d, not %d", b, args->cu_seqlens[b], total);
        total += b < args->batch ? lengths[b] : 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = {data, size};
    arena_reset();
    around_call around = {
        .name = "varlen_cu_seqlens", .call = sum, .context = context_pick(&input), .bait = "cu_seqlens = 0x"};
    sums_args args = make(&input);
    finding_describe(print, &args);
    const int32_t faults = INPUT_PICK(&input, 0, 0, 1, 1, 2);
    for (int32_t n = 0; n < faults; n++)
        if (input_chance(&input, 128))
            metadata_spoil(&input, args.lengths, args.batch);
        else
            fields_make_hostile(&input, &fields_of_args, &args);
    expectation expected = {.reach = VIEW_BACKED};
    expect_rule(&expected, args.batch >= 0, "batch");
    expect_array(&expected, "lengths", args.lengths, args.batch, 4, args.batch > 0 ? ARRAY_REQUIRED : ARRAY_OPTIONAL);
    expect_array(&expected, "cu_seqlens", args.cu_seqlens, (int64_t)args.batch + 1, 4, ARRAY_REQUIRED);
    if (expected.reach == VIEW_BACKED) {
        run(&around, &args, faults == 0);
        return 0;
    }
    args.cu_seqlens = bait_address();
    bait_run(&around, &args, &expected);
    return 0;
}
