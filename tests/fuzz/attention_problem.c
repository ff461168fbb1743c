/* Attention problems; see attention_problem.h. */
#include "attention_problem.h"

#include "arena.h"
#include "attention_metadata.h"
#include "attention_rows.h"
#include "attention_scales.h"
#include "contexts.h"
#include "fields.h"
#include "numbers.h"
#include "view.h"

#include <stdio.h>

/* How large a problem may be. */
typedef struct size_class {
    int32_t queries; /* of a sequence */
    int32_t keys;
    int32_t batch;
    int32_t kv_heads;
    int32_t group;
} size_class;

static const size_class tiny = {3, 6, 3, 2, 3}, small = {9, 24, 4, 3, 4}, long_keys = {3, 255, 2, 1, 2};

/* One more key in 64 takes part in sums that are split: the CPU backend cuts keys into parts of 1024. */
enum { LONGEST_KEYS = 2400 };

static const size_class *pick_class(fuzz_input *input)
{
    const int32_t choice = input_byte(input);
    return choice < 224 ? &tiny : (choice < 254 ? &small : &long_keys);
}

static int32_t pick_dim(fuzz_input *input, const size_class *size)
{
    if (size == &tiny)
        return INPUT_PICK(input, 8, 8, 8, 8, 16, 16, 264, 24, 576, 32, 40, 48, 64, 80, 128, 256);
    return size == &small ? INPUT_PICK(input, 8, 8, 8, 16, 16, 24, 32, 64) : INPUT_PICK(input, 8, 8, 16, 24);
}

static void give_scores(fuzz_input *input, varlen_attention *attention)
{
    if (input_chance(input, 64))
        attention->softmax_scale = number_of(input_byte(input)) / 2;
    if (input_chance(input, 64))
        attention->softcap = (float)INPUT_PICK(input, 1, 5, 30, 50);
    if (input_chance(input, 64))
        attention->dropout_p = (float)INPUT_PICK(input, 1, 2, 5, 9) / 10;
    attention->flags = (uint32_t)input_below(input, 8);
}

static void give_mask(fuzz_input *input, varlen_attention *attention)
{
    attention->mask = (varlen_mask)input_below(input, 3);
    attention->alignment = (varlen_alignment)input_below(input, 2);
    switch (attention->mask) {
    case VARLEN_MASK_FULL:
        attention->window_left = INPUT_PICK(input, 0, 0, 0, -1);
        attention->window_right = INPUT_PICK(input, 0, 0, 0, -1);
        break;
    case VARLEN_MASK_CAUSAL:
        attention->window_left = INPUT_PICK(input, 0, 0, 0, -1, 1, 2, 5, 1000);
        attention->window_right = INPUT_PICK(input, 0, 0, 0, -1);
        break;
    default:
        attention->window_left = INPUT_PICK(input, -1, 0, 1, 2, 3, 7, 20, INT32_MAX);
        attention->window_right = INPUT_PICK(input, -1, 0, 1, 2, 3, 7, 20, INT32_MAX);
    }
}

static attention_sizes pick_sizes(fuzz_input *input, const size_class *size)
{
    attention_sizes sizes = {.batch = input_below(input, size->batch + 1)};
    for (int32_t b = 0; b < sizes.batch; b++) {
        sizes.queries[b] = input_below(input, size->queries + 1);
        sizes.keys[b] = input_below(input, size->keys + 1);
    }
    if (size == &long_keys && sizes.batch > 0 && input_chance(input, 64))
        sizes.keys[0] = LONGEST_KEYS - input_byte(input);
    return sizes;
}

static view_shape rows_of(const varlen_attention *a, const char *name, int64_t tokens, int64_t heads, int64_t dim)
{
    return (view_shape){.name = name,
                        .element_size = varlen_dtype_size(a->dtype),
                        .alignment = 16,
                        .steps = 1,
                        .tokens = tokens,
                        .heads = heads,
                        .dim = dim};
}

static int64_t value_dim_of(const varlen_attention *a)
{
    return a->value_dim ? a->value_dim : a->head_dim;
}

static varlen_tensor place_keys(fuzz_input *input, const varlen_attention *a, const char *name, int64_t dim,
                                int64_t *page_stride)
{
    view_shape shape = rows_of(a, name, a->page_size ? a->page_size : a->total_k, a->kv_heads, dim);
    shape.element_size = varlen_dtype_size(attention_kv_dtype(a));
    if (a->page_size)
        shape.steps = a->page_count;
    const varlen_tensor placed = view_place(input, &shape, a->page_size ? page_stride : NULL);
    numbers_fill_newest(attention_kv_dtype(a));
    return placed;
}

static varlen_tensor place_queries(fuzz_input *input, const varlen_attention *a, const char *name, int64_t dim,
                                   bool written)
{
    view_shape shape = rows_of(a, name, a->total_q, a->q_heads, dim);
    shape.written = written;
    const varlen_tensor placed = view_place(input, &shape, NULL);
    if (!written)
        numbers_fill_newest(a->dtype);
    return placed;
}

static bool can_be_fused(const varlen_attention *a)
{
    return a->total_q == a->total_k && value_dim_of(a) == a->head_dim && a->page_size == 0;
}

/* Views of one [T, (Hq + 2 Hk) * D] tensor, which interleave. */
static void place_fused(const varlen_attention *a, const char *name, varlen_tensor *q, varlen_tensor *k,
                        varlen_tensor *v)
{
    const int64_t row = (a->q_heads + 2 * (int64_t)a->kv_heads) * a->head_dim * varlen_dtype_size(a->dtype);
    void *block = arena_take(name, (size_t)(a->total_q * row), 0);
    *q = varlen_view_fused(block, a->dtype, 0, a->q_heads, a->kv_heads, a->head_dim);
    *k = varlen_view_fused(block, a->dtype, 1, a->q_heads, a->kv_heads, a->head_dim);
    *v = varlen_view_fused(block, a->dtype, 2, a->q_heads, a->kv_heads, a->head_dim);
}

static void place_inputs(fuzz_input *input, const varlen_attention *a, varlen_inputs *inputs)
{
    if (can_be_fused(a) && input_chance(input, 48)) {
        place_fused(a, "qkv", &inputs->q, &inputs->k, &inputs->v);
        numbers_fill_newest(a->dtype);
        return;
    }
    inputs->q = place_queries(input, a, "q", a->head_dim, false);
    inputs->k = place_keys(input, a, "k", a->head_dim, &inputs->k_page_stride);
    inputs->v = place_keys(input, a, "v", value_dim_of(a), &inputs->v_page_stride);
}

static float *take_floats(const char *name, int64_t count, float factor)
{
    float *floats = arena_take(name, (size_t)count * sizeof *floats, 0);
    numbers_fill_newest(VARLEN_FLOAT32);
    for (int64_t n = 0; n < count; n++)
        floats[n] *= factor;
    return floats;
}

static void give_score_arrays(fuzz_input *input, const varlen_attention *a, varlen_inputs *inputs, uint32_t seed)
{
    if (input_chance(input, 64)) {
        inputs->alibi_batch_stride = input_chance(input, 128) ? a->q_heads + input_below(input, 4) : 0;
        const int64_t count = inputs->alibi_batch_stride ? inputs->alibi_batch_stride * a->batch : a->q_heads;
        inputs->alibi_slopes = take_floats("alibi_slopes", count, 0.25f);
    }
    if (input_chance(input, 64))
        inputs->sinks = take_floats("sinks", a->q_heads, 1);
    inputs->dropout_seed = seed;
    inputs->dropout_offset = (uint64_t)seed << 33;
    if (input_chance(input, 32)) {
        uint64_t *state = arena_take("dropout_state", 2 * sizeof *state, 0);
        state[0] = seed * (uint64_t)0x9e3779b97f4a7c15;
        state[1] = seed;
        inputs->dropout_state = state;
    }
}

static void place_gradients(fuzz_input *input, attention_problem *problem)
{
    const varlen_attention *a = &problem->attention;
    varlen_backward_args *args = &problem->backward;
    view_shape dk = rows_of(a, "dk", a->total_k, a->kv_heads, a->head_dim);
    view_shape dv = rows_of(a, "dv", a->total_k, a->kv_heads, value_dim_of(a));
    dk.written = dv.written = true;
    args->struct_size = sizeof *args;
    args->out = place_queries(input, a, "out", value_dim_of(a), true); /* by the target, before the call */
    args->lse = arena_take("lse", (size_t)(a->total_q * a->q_heads) * sizeof(float), 0);
    args->dout = place_queries(input, a, "dout", value_dim_of(a), false);
    if (can_be_fused(a) && input_chance(input, 48)) {
        place_fused(a, "dqkv", &args->dq, &args->dk, &args->dv);
    } else {
        args->dq = place_queries(input, a, "dq", a->head_dim, true);
        args->dk = view_place(input, &dk, NULL);
        args->dv = view_place(input, &dv, NULL);
    }
    if (problem->inputs.sinks && !input_chance(input, 64))
        args->dsinks = arena_take("dsinks", (size_t)a->q_heads * sizeof(float), 0);
    if (input_chance(input, 64))
        args->dlse = take_floats("dlse", a->total_q * a->q_heads, 1);
}

/* What the call brings, and sometimes more. */
static uint64_t features_of(fuzz_input *input, const attention_problem *problem)
{
    const varlen_inputs *inputs = &problem->inputs;
    const struct {
        const void *given;
        uint64_t feature;
    } rows[] = {
        {inputs->seqused_q, VARLEN_FEATURE_SEQUSED_Q},
        {problem->attention.page_size ? NULL : inputs->seqused_k, VARLEN_FEATURE_SEQUSED_K}, /* follows from paging */
        {inputs->leftpad_q, VARLEN_FEATURE_LEFTPAD_Q},
        {inputs->leftpad_k, VARLEN_FEATURE_LEFTPAD_K},
        {inputs->alibi_slopes, VARLEN_FEATURE_ALIBI},
        {inputs->sinks, VARLEN_FEATURE_SINKS},
        {inputs->dropout_state, VARLEN_FEATURE_DROPOUT_STATE},
        {inputs->query_positions, VARLEN_FEATURE_QUERY_POSITIONS},
        {inputs->key_starts, VARLEN_FEATURE_KEY_STARTS},
        {problem->forward.lse, VARLEN_FEATURE_LSE},
        {problem->backward.dsinks, VARLEN_FEATURE_DSINKS},
    };
    uint64_t features = VARLEN_FEATURE_EXPANDED; /* views may be */
    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++)
        if (rows[n].given || input_chance(input, 64))
            features |= rows[n].feature;
    return problem->backward.dlse ? features | VARLEN_FEATURE_DLSE : features;
}

static void place_results(fuzz_input *input, attention_problem *problem)
{
    const varlen_attention *a = &problem->attention;
    problem->forward.out = place_queries(input, a, "out", value_dim_of(a), true);
    if (!input_chance(input, 32))
        problem->forward.lse = arena_take("lse", (size_t)(a->total_q * a->q_heads) * sizeof(float), 0);
}

/* Bytes in place of the keys and values that there are. */
static void quantize(fuzz_input *input, attention_problem *problem)
{
    varlen_attention *a = &problem->attention;
    varlen_inputs *inputs = &problem->inputs;
    a->kv_dtype = (varlen_dtype)INPUT_PICK(input, VARLEN_FLOAT8_E4M3, VARLEN_FLOAT8_E5M2, VARLEN_INT8);
    inputs->k = place_keys(input, a, "k", a->head_dim, &inputs->k_page_stride);
    inputs->v = place_keys(input, a, "v", value_dim_of(a), &inputs->v_page_stride);
    attention_scales_make(input, problem);
}

/* What is drawn last, so that the corpus still means what it did. */
static void give_kinds_of_keys(fuzz_input *input, attention_problem *problem)
{
    const varlen_attention *a = &problem->attention;
    varlen_inputs *inputs = &problem->inputs;
    const bool can_be_quantized = a->head_dim % 16 == 0 && a->value_dim % 16 == 0;
    if (problem->pass == VARLEN_PASS_FORWARD && can_be_quantized && input_chance(input, 64))
        quantize(input, problem);
    if (value_dim_of(a) <= a->head_dim && input_chance(input, 32)) { /* values are in the keys' memory */
        inputs->v = inputs->k;
        inputs->v_page_stride = inputs->k_page_stride;
    }
}

attention_problem attention_problem_make(fuzz_input *input)
{
    attention_problem problem = {.context = context_pick(input), .attention.struct_size = sizeof(varlen_attention)};
    varlen_attention *a = &problem.attention;
    problem.pass = (varlen_pass)input_below(input, 2);
    const size_class *size = pick_class(input);
    a->dtype = (varlen_dtype)input_below(input, 3);
    a->kv_heads = 1 + input_below(input, size->kv_heads);
    a->q_heads = a->kv_heads * (1 + input_below(input, size->group));
    a->head_dim = pick_dim(input, size);
    a->value_dim = input_chance(input, 64) ? pick_dim(input, size) : 0;
    give_scores(input, a);
    give_mask(input, a);
    const attention_sizes sizes = pick_sizes(input, size);
    a->page_size =
        problem.pass == VARLEN_PASS_FORWARD && input_chance(input, 64) ? INPUT_PICK(input, 1, 2, 3, 4, 16) : 0;
    const uint32_t seed = (uint32_t)input_bytes(input, 2);
    numbers_seed(seed);
    problem.inputs.struct_size = sizeof problem.inputs;
    problem.forward.struct_size = sizeof problem.forward;
    attention_metadata_make(input, &sizes, a, &problem.inputs);
    place_inputs(input, a, &problem.inputs);
    give_score_arrays(input, a, &problem.inputs, seed);
    if (problem.pass == VARLEN_PASS_FORWARD)
        place_results(input, &problem);
    else
        place_gradients(input, &problem);
    attention_positions_make(input, problem.pass, a, &problem.inputs);
    a->features = features_of(input, &problem);
    attention_rows_make(input, &sizes, &problem);
    give_kinds_of_keys(input, &problem);
    return problem;
}

void attention_problem_spoil(fuzz_input *input, attention_problem *problem)
{
    problem->is_hostile = true;
    if (input_chance(input, 96))
        attention_metadata_spoil(input, &problem->attention, &problem->inputs);
    else
        fields_make_hostile(input, &fields_of_attention, &problem->attention);
}

void attention_arguments_spoil(fuzz_input *input, attention_problem *problem)
{
    problem->is_hostile = true;
    if (input_chance(input, 160))
        fields_make_hostile(input, &fields_of_inputs, &problem->inputs);
    else if (problem->pass == VARLEN_PASS_FORWARD)
        fields_make_hostile(input, &fields_of_forward, &problem->forward);
    else
        fields_make_hostile(input, &fields_of_backward, &problem->backward);
}

void attention_problem_print(const void *object)
{
    const attention_problem *problem = object;
    varlen_device_info device = {.struct_size = sizeof device};
    varlen_context_device(problem->context, &device);
    fprintf(stderr, "%s pass, %s kernels\n", problem->pass ? "backward" : "forward", device.architecture);
    fields_print(&fields_of_attention, &problem->attention);
    fields_print(&fields_of_inputs, &problem->inputs);
    if (problem->pass == VARLEN_PASS_FORWARD)
        fields_print(&fields_of_forward, &problem->forward);
    else
        fields_print(&fields_of_backward, &problem->backward);
}
