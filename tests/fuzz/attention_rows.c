/* What the rows of an attention problem see; see attention_rows.h. */
#include "attention_rows.h"

#include "arena.h"

enum { TREE_QUERIES = 64 };

static bool fits_a_tree(const attention_sizes *sizes)
{
    bool fits = true;
    for (int32_t b = 0; b < sizes->batch; b++)
        fits = fits && sizes->queries[b] <= TREE_QUERIES;
    return fits;
}

/* Bounds for the rows of sequences; what others have would break a rule. */
static int32_t *make_bounds(fuzz_input *input, const char *name, const attention_sizes *sizes,
                            const attention_problem *problem)
{
    const varlen_inputs *inputs = &problem->inputs;
    int32_t *bounds = metadata_take(name, problem->attention.total_q);
    for (int64_t row = 0; row < problem->attention.total_q; row++)
        bounds[row] = -1;
    for (int32_t b = 0; b < sizes->batch; b++) {
        const int32_t first = inputs->cu_seqlens_q[b] + (inputs->leftpad_q ? inputs->leftpad_q[b] : 0);
        for (int32_t i = 0; i < sizes->queries[b]; i++)
            bounds[first + i] = input_below(input, sizes->keys[b] + 1);
    }
    return bounds;
}

static uint64_t *make_words(fuzz_input *input, int64_t count)
{
    uint64_t *words = arena_take("tree_mask", (size_t)count * sizeof *words, 0);
    const uint64_t pattern = input_bytes(input, 8);
    for (int64_t row = 0; row < count; row++)
        words[row] = pattern * (uint64_t)(2 * row + 1);
    return words;
}

void attention_rows_make(fuzz_input *input, const attention_sizes *sizes, attention_problem *problem)
{
    varlen_attention *a = &problem->attention;
    varlen_inputs *inputs = &problem->inputs;
    if (input_chance(input, 48))
        a->attention_chunk = INPUT_PICK(input, 1, 2, 3, 7, 64, INT32_MAX);
    if (input_chance(input, 48))
        inputs->key_begin = make_bounds(input, "key_begin", sizes, problem);
    if (input_chance(input, 48))
        inputs->key_end = make_bounds(input, "key_end", sizes, problem);
    if (problem->pass == VARLEN_PASS_FORWARD && fits_a_tree(sizes) && input_chance(input, 32))
        inputs->tree_mask = make_words(input, a->total_q);
    if (inputs->key_begin || inputs->key_end)
        a->features |= VARLEN_FEATURE_KEY_RANGES;
    if (inputs->tree_mask)
        a->features |= VARLEN_FEATURE_TREE_MASK;
}

static bool bounds_are_sound(const int32_t *bounds, int64_t first, int64_t queries, int64_t keys)
{
    bool sound = true;
    for (int64_t row = first; bounds && row < first + queries; row++)
        sound = sound && bounds[row] >= 0 && bounds[row] <= keys;
    return sound;
}

bool attention_rows_are_sound(const attention_model *model, int32_t b, int64_t queries, int64_t keys)
{
    const varlen_inputs *inputs = model->inputs;
    const int64_t first = model_query_row(model, b, 0);
    return bounds_are_sound(inputs->key_begin, first, queries, keys) &&
           bounds_are_sound(inputs->key_end, first, queries, keys) && (!inputs->tree_mask || queries <= TREE_QUERIES);
}

void attention_rows_permit(const attention_model *model, int32_t b)
{
    const varlen_inputs *inputs = model->inputs;
    const int64_t first = model_query_row(model, b, 0), queries = model_queries(model, b);
    permit_array(inputs->key_begin ? inputs->key_begin + first : NULL, queries, 4);
    permit_array(inputs->key_end ? inputs->key_end + first : NULL, queries, 4);
    permit_array(inputs->tree_mask ? inputs->tree_mask + first : NULL, queries, 8);
}

void attention_rows_give(const attention_model *model, int32_t b, sequence *s)
{
    const varlen_inputs *inputs = model->inputs;
    const int64_t first = model_query_row(model, b, 0);
    s->chunk = model->attention->attention_chunk;
    if (s->queries == 0)
        return;
    s->key_begin = inputs->key_begin ? (const int32_t *)arena_before(inputs->key_begin) + first : NULL;
    s->key_end = inputs->key_end ? (const int32_t *)arena_before(inputs->key_end) + first : NULL;
    s->tree = inputs->tree_mask ? (const uint64_t *)arena_before(inputs->tree_mask) + first : NULL;
}
