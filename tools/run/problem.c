/* The problem of `varlen run`: see run/problem.h. */
#include "run/problem.h"

#include <stdlib.h>

#include "progress.h"
#include "run/shapes.h"

typedef enum input_kind {
    KIND_ELEMENTS, /* converted to the problem's dtype */
    KIND_KEYS,     /* likewise, or bytes of its kv_dtype, kept as they are */
    KIND_FLOATS,   /* converted to float32 */
    KIND_INTEGERS, /* converted to int32 */
    KIND_WORDS,    /* int64 */
    KIND_REFERENCE /* any float format, kept as it is */
} input_kind;

static const input_kind kinds[INPUT_COUNT] = {
    [INPUT_Q] = KIND_ELEMENTS,
    [INPUT_K] = KIND_KEYS,
    [INPUT_V] = KIND_KEYS,
    [INPUT_CU_SEQLENS_Q] = KIND_INTEGERS,
    [INPUT_CU_SEQLENS_K] = KIND_INTEGERS,
    [INPUT_SEQUSED_Q] = KIND_INTEGERS,
    [INPUT_SEQUSED_K] = KIND_INTEGERS,
    [INPUT_LEFTPAD_Q] = KIND_INTEGERS,
    [INPUT_LEFTPAD_K] = KIND_INTEGERS,
    [INPUT_PAGE_TABLE] = KIND_INTEGERS,
    [INPUT_KEY_BEGIN] = KIND_INTEGERS,
    [INPUT_KEY_END] = KIND_INTEGERS,
    [INPUT_QUERY_POSITIONS] = KIND_INTEGERS,
    [INPUT_KEY_STARTS] = KIND_INTEGERS,
    [INPUT_TREE_MASK] = KIND_WORDS,
    [INPUT_ALIBI] = KIND_FLOATS,
    [INPUT_SINKS] = KIND_FLOATS,
    [INPUT_K_SCALE] = KIND_FLOATS,
    [INPUT_V_SCALE] = KIND_FLOATS,
    [INPUT_DOUT] = KIND_ELEMENTS,
    [INPUT_EXPECT] = KIND_REFERENCE,
};

static bool check_kind(const run_arguments *arguments, run_input input, const npy_array *array, reason *why)
{
    const bool wants_words = kinds[input] == KIND_WORDS;
    const bool wants_bytes = kinds[input] == KIND_KEYS && arguments->kv_dtype;
    const bool wants_float = kinds[input] != KIND_INTEGERS && !wants_words && !wants_bytes;
    if (element_is_byte(array->type) == wants_bytes && element_is_float(array->type) == wants_float &&
        (!wants_words || array->type == ELEMENT_INT64))
        return true;
    return refuse(why, "%s %s holds %s, but must hold %s", run_input_option(input), arguments->inputs[input],
                  element_name(array->type),
                  wants_bytes   ? "i1 or u1 with --kv-dtype"
                  : wants_float ? "f2, f4 or f8"
                  : wants_words ? "i8"
                                : "i4 or i8");
}

static int count_given(const run_arguments *arguments)
{
    int count = 0;
    for (run_input input = 0; input < INPUT_COUNT; input++)
        count += arguments->inputs[input] != NULL;
    return count;
}

static bool read_inputs(const run_arguments *arguments, npy_array inputs[INPUT_COUNT], reason *why)
{
    const int given = count_given(arguments);
    int read = 0;
    for (run_input input = 0; input < INPUT_COUNT; input++) {
        const char *path = arguments->inputs[input];
        reason fault;
        if (!path)
            continue;
        progress_show(++read, given, path);
        if (!npy_read(path, &inputs[input], &fault))
            return refuse(why, "%s %s", run_input_option(input), fault.text);
        if (!check_kind(arguments, input, &inputs[input], why))
            return false;
    }
    return true;
}

static bool convert_input(run_input input, const char *path, npy_array *array, element_type type, reason *why)
{
    if (array->type == type || array->count == 0) {
        array->type = type;
        return true;
    }
    void *converted = malloc((size_t)array->count * element_size(type));
    reason fault;
    bool ok = converted != NULL;
    if (!ok)
        refuse(&fault, "out of memory");
    else if (type == ELEMENT_INT32)
        ok = elements_convert_to_int32(converted, array->data, array->type, array->count, &fault);
    else
        elements_convert_floats(converted, type, array->data, array->type, array->count);
    if (!ok) {
        free(converted);
        return refuse(why, "%s %s: %s", run_input_option(input), path, fault.text);
    }
    free(array->data);
    array->data = converted;
    array->type = type;
    return true;
}

static bool convert_inputs(const run_arguments *arguments, varlen_dtype dtype, npy_array inputs[INPUT_COUNT],
                           reason *why)
{
    const element_type types[] = {[KIND_ELEMENTS] = element_of_dtype(dtype),
                                  [KIND_KEYS] = element_of_dtype(dtype),
                                  [KIND_FLOATS] = ELEMENT_FLOAT32,
                                  [KIND_INTEGERS] = ELEMENT_INT32,
                                  [KIND_WORDS] = ELEMENT_INT64};
    for (run_input input = 0; input < INPUT_COUNT; input++)
        if (arguments->inputs[input] && kinds[input] != KIND_REFERENCE && !element_is_byte(inputs[input].type) &&
            !convert_input(input, arguments->inputs[input], &inputs[input], types[kinds[input]], why))
            return false;
    return true;
}

static varlen_dtype choose_dtype(const run_arguments *arguments, const npy_array *q)
{
    if (arguments->dtype != DTYPE_OF_Q)
        return (varlen_dtype)arguments->dtype;
    return q->type == ELEMENT_FLOAT16 ? VARLEN_FLOAT16 : VARLEN_FLOAT32;
}

static uint64_t features_of(const run_arguments *arguments, bool backward)
{
    static const uint64_t features[INPUT_COUNT] = {
        [INPUT_SEQUSED_Q] = VARLEN_FEATURE_SEQUSED_Q,
        [INPUT_SEQUSED_K] = VARLEN_FEATURE_SEQUSED_K,
        [INPUT_LEFTPAD_Q] = VARLEN_FEATURE_LEFTPAD_Q,
        [INPUT_LEFTPAD_K] = VARLEN_FEATURE_LEFTPAD_K,
        [INPUT_ALIBI] = VARLEN_FEATURE_ALIBI,
        [INPUT_SINKS] = VARLEN_FEATURE_SINKS,
        [INPUT_KEY_BEGIN] = VARLEN_FEATURE_KEY_RANGES,
        [INPUT_KEY_END] = VARLEN_FEATURE_KEY_RANGES,
        [INPUT_QUERY_POSITIONS] = VARLEN_FEATURE_QUERY_POSITIONS,
        [INPUT_KEY_STARTS] = VARLEN_FEATURE_KEY_STARTS,
        [INPUT_TREE_MASK] = VARLEN_FEATURE_TREE_MASK,
    };
    uint64_t found = backward || arguments->outputs[OUTPUT_LSE] ? VARLEN_FEATURE_LSE : 0;
    for (int input = 0; input < INPUT_COUNT; input++)
        found |= arguments->inputs[input] ? features[input] : 0;
    return found;
}

static varlen_attention describe(const run_arguments *arguments, varlen_dtype dtype, const int64_t sizes[SIZE_COUNT])
{
    return (varlen_attention){
        .struct_size = sizeof(varlen_attention),
        .dtype = dtype,
        .batch = (int32_t)sizes[SIZE_BATCH],
        .q_heads = (int32_t)sizes[SIZE_Q_HEADS],
        .kv_heads = (int32_t)sizes[SIZE_KV_HEADS],
        .head_dim = (int32_t)sizes[SIZE_HEAD_DIM],
        .value_dim = (int32_t)sizes[SIZE_VALUE_DIM],
        .total_q = sizes[SIZE_TOTAL_Q],
        .total_k = sizes[SIZE_TOTAL_K],
        .softmax_scale = arguments->scale.value,
        .softcap = arguments->softcap,
        .mask = (varlen_mask)arguments->mask,
        .alignment = (varlen_alignment)arguments->alignment,
        .window_left = arguments->window.left,
        .window_right = arguments->window.right,
        .attention_chunk = arguments->chunk,
        .page_size = (int32_t)sizes[SIZE_PAGE_SIZE],
        .page_table_width = (int32_t)sizes[SIZE_TABLE_WIDTH],
        .page_count = sizes[SIZE_PAGE_COUNT],
        .flags = arguments->scale.given ? VARLEN_FLAG_EXACT_SCALE : 0,
        .kv_dtype = (varlen_dtype)arguments->kv_dtype,
    };
}

/* Of [Hk], [Tk, Hk], [pages, Hk] or [pages, page_size, Hk]. */
static run_scale_strides scale_strides(const npy_array *scales, const varlen_attention *attention)
{
    const int64_t heads = attention->kv_heads;
    run_scale_strides strides = {.head = scales->dimensions ? 1 : 0};
    if (scales->dimensions == 3)
        strides.token = heads;
    if (scales->dimensions >= 2 && attention->page_size)
        strides.page = scales->dimensions == 3 ? attention->page_size * heads : heads;
    else if (scales->dimensions == 2)
        strides.token = heads;
    return strides;
}

bool run_problem_read(const run_arguments *arguments, run_problem *problem, reason *why)
{
    int64_t sizes[SIZE_COUNT];
    *problem = (run_problem){.backward = arguments->inputs[INPUT_DOUT] != NULL};
    if (!read_inputs(arguments, problem->inputs, why) || !run_shapes_resolve(arguments, problem->inputs, sizes, why)) {
        run_problem_free(problem);
        return false;
    }
    const varlen_dtype dtype = choose_dtype(arguments, &problem->inputs[INPUT_Q]);
    problem->attention = describe(arguments, dtype, sizes);
    problem->attention.features = features_of(arguments, problem->backward);
    problem->alibi_batch_stride = problem->inputs[INPUT_ALIBI].dimensions == 2 ? sizes[SIZE_Q_HEADS] : 0;
    problem->k_scale_strides = scale_strides(&problem->inputs[INPUT_K_SCALE], &problem->attention);
    problem->v_scale_strides = scale_strides(&problem->inputs[INPUT_V_SCALE], &problem->attention);
    if (!convert_inputs(arguments, dtype, problem->inputs, why)) {
        run_problem_free(problem);
        return false;
    }
    return true;
}

void run_problem_free(run_problem *problem)
{
    for (int i = 0; i < INPUT_COUNT; i++)
        npy_free(&problem->inputs[i]);
    *problem = (run_problem){0};
}
