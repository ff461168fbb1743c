/* The shapes that the arrays of `varlen run` must have: see run/shapes.h. */
#include "run/shapes.h"

#include <inttypes.h>
#include <stdio.h>

enum { MOST_DIMENSIONS = 4, LONGEST_ARRAY_TEXT = 1024 };

static const struct {
    const char *name;
    int64_t minimum;
} size_rules[SIZE_COUNT] = {
    [SIZE_TOTAL_Q] = {"Tq", 0},        [SIZE_TOTAL_K] = {"Tk", 0},       [SIZE_Q_HEADS] = {"Hq", 1},
    [SIZE_KV_HEADS] = {"Hk", 1},       [SIZE_HEAD_DIM] = {"D", 1},       [SIZE_VALUE_DIM] = {"Dv", 1},
    [SIZE_BATCH] = {"B", 0},           [SIZE_PAGE_COUNT] = {"pages", 0}, [SIZE_PAGE_SIZE] = {"page_size", 1},
    [SIZE_TABLE_WIDTH] = {"width", 0},
};

typedef enum shape_layout { LAYOUT_ANY, LAYOUT_PACKED, LAYOUT_PAGED } shape_layout;

typedef struct shape_rule {
    run_input input;
    shape_layout layout; /* of the keys and values, for which the rule holds */
    int dimensions;
    run_size sizes[MOST_DIMENSIONS];
    int excess; /* what the last extent has above its size: 1 for cu_seqlens */
} shape_rule;

static const shape_rule rules[] = {
    {INPUT_Q, LAYOUT_ANY, 3, {SIZE_TOTAL_Q, SIZE_Q_HEADS, SIZE_HEAD_DIM}, 0},
    {INPUT_K, LAYOUT_PACKED, 3, {SIZE_TOTAL_K, SIZE_KV_HEADS, SIZE_HEAD_DIM}, 0},
    {INPUT_K, LAYOUT_PAGED, 4, {SIZE_PAGE_COUNT, SIZE_PAGE_SIZE, SIZE_KV_HEADS, SIZE_HEAD_DIM}, 0},
    {INPUT_V, LAYOUT_PACKED, 3, {SIZE_TOTAL_K, SIZE_KV_HEADS, SIZE_VALUE_DIM}, 0},
    {INPUT_V, LAYOUT_PAGED, 4, {SIZE_PAGE_COUNT, SIZE_PAGE_SIZE, SIZE_KV_HEADS, SIZE_VALUE_DIM}, 0},
    {INPUT_CU_SEQLENS_Q, LAYOUT_ANY, 1, {SIZE_BATCH}, 1},
    {INPUT_CU_SEQLENS_K, LAYOUT_PACKED, 1, {SIZE_BATCH}, 1},
    {INPUT_SEQUSED_Q, LAYOUT_ANY, 1, {SIZE_BATCH}, 0},
    {INPUT_SEQUSED_K, LAYOUT_ANY, 1, {SIZE_BATCH}, 0},
    {INPUT_LEFTPAD_Q, LAYOUT_ANY, 1, {SIZE_BATCH}, 0},
    {INPUT_LEFTPAD_K, LAYOUT_ANY, 1, {SIZE_BATCH}, 0},
    {INPUT_PAGE_TABLE, LAYOUT_PAGED, 2, {SIZE_BATCH, SIZE_TABLE_WIDTH}, 0},
    {INPUT_KEY_BEGIN, LAYOUT_ANY, 1, {SIZE_TOTAL_Q}, 0},
    {INPUT_KEY_END, LAYOUT_ANY, 1, {SIZE_TOTAL_Q}, 0},
    {INPUT_QUERY_POSITIONS, LAYOUT_ANY, 1, {SIZE_BATCH}, 0},
    {INPUT_KEY_STARTS, LAYOUT_PACKED, 1, {SIZE_BATCH}, 0},
    {INPUT_TREE_MASK, LAYOUT_ANY, 1, {SIZE_TOTAL_Q}, 0},
    {INPUT_ALIBI, LAYOUT_ANY, 1, {SIZE_Q_HEADS}, 0},
    {INPUT_ALIBI, LAYOUT_ANY, 2, {SIZE_BATCH, SIZE_Q_HEADS}, 0},
    {INPUT_SINKS, LAYOUT_ANY, 1, {SIZE_Q_HEADS}, 0},
    {INPUT_DOUT, LAYOUT_ANY, 3, {SIZE_TOTAL_Q, SIZE_Q_HEADS, SIZE_VALUE_DIM}, 0},
    {INPUT_EXPECT, LAYOUT_ANY, 3, {SIZE_TOTAL_Q, SIZE_Q_HEADS, SIZE_VALUE_DIM}, 0},
};

static const int rule_count = (int)(sizeof rules / sizeof rules[0]);

typedef struct shape_check {
    const run_arguments *arguments;
    const npy_array *arrays;
    shape_layout layout;
    int64_t *sizes;
    run_input origin[SIZE_COUNT]; /* the array that each size was read off; INPUT_COUNT = none yet */
} shape_check;

/* "--k keys.npy is [71, 2, 64]" */
static const char *array_text(const shape_check *check, run_input input, char text[LONGEST_ARRAY_TEXT])
{
    char shape[256];
    snprintf(text, LONGEST_ARRAY_TEXT, "%s %.700s is %s", run_input_option(input), check->arguments->inputs[input],
             npy_shape_text(&check->arrays[input], shape, sizeof shape));
    return text;
}

static bool holds_for(const shape_rule *rule, const shape_check *check, run_input input)
{
    return rule->input == input && (rule->layout == LAYOUT_ANY || rule->layout == check->layout);
}

static void append_rule(const shape_rule *rule, char *text, size_t size)
{
    size_t length = (size_t)snprintf(text, size, "[");
    for (int i = 0; i < rule->dimensions; i++)
        length +=
            (size_t)snprintf(text + length, size - length, "%s%s", i ? ", " : "", size_rules[rule->sizes[i]].name);
    snprintf(text + length, size - length, rule->excess ? "+%d]" : "]", rule->excess);
}

/* The rule for an array with this many dimensions; NULL, and the reason lists the shapes that would do, if none. */
static const shape_rule *find_rule(const shape_check *check, run_input input, reason *why)
{
    char wanted[256] = "";
    size_t length = 0;
    for (int i = 0; i < rule_count; i++) {
        if (!holds_for(&rules[i], check, input))
            continue;
        if (rules[i].dimensions == check->arrays[input].dimensions)
            return &rules[i];
        char shape[64];
        append_rule(&rules[i], shape, sizeof shape);
        length += (size_t)snprintf(wanted + length, sizeof wanted - length, "%s%s", length ? " or " : "", shape);
    }
    char array[LONGEST_ARRAY_TEXT];
    refuse(why, "%s, but must be %s%s", array_text(check, input, array), wanted,
           check->layout == LAYOUT_PAGED ? " with --page-table" : "");
    return NULL;
}

static bool check_extent(shape_check *check, run_input input, const shape_rule *rule, int dimension, reason *why)
{
    const run_size size = rule->sizes[dimension];
    const bool last = dimension == rule->dimensions - 1;
    const int64_t extent = check->arrays[input].shape[dimension] - (last ? rule->excess : 0);
    char array[LONGEST_ARRAY_TEXT];
    char other[LONGEST_ARRAY_TEXT];
    if (extent < size_rules[size].minimum || extent > INT32_MAX)
        return refuse(why, "%s: %s = %" PRId64 " is not in %" PRId64 " .. 2^31 - 1", array_text(check, input, array),
                      size_rules[size].name, extent, size_rules[size].minimum);
    if (check->origin[size] == INPUT_COUNT) {
        check->origin[size] = input;
        check->sizes[size] = extent;
        return true;
    }
    if (extent == check->sizes[size])
        return true;
    return refuse(why, "%s but %s: %s would be both %" PRId64 " and %" PRId64,
                  array_text(check, check->origin[size], other), array_text(check, input, array), size_rules[size].name,
                  check->sizes[size], extent);
}

bool run_shapes_resolve(const run_arguments *arguments, const npy_array arrays[INPUT_COUNT], int64_t sizes[SIZE_COUNT],
                        reason *why)
{
    shape_check check = {.arguments = arguments,
                         .arrays = arrays,
                         .layout = arguments->inputs[INPUT_PAGE_TABLE] ? LAYOUT_PAGED : LAYOUT_PACKED,
                         .sizes = sizes};
    for (int i = 0; i < SIZE_COUNT; i++) {
        sizes[i] = 0;
        check.origin[i] = INPUT_COUNT;
    }
    for (run_input input = 0; input < INPUT_COUNT; input++) {
        if (!arguments->inputs[input])
            continue;
        const shape_rule *rule = find_rule(&check, input, why);
        if (!rule)
            return false;
        for (int dimension = 0; dimension < rule->dimensions; dimension++)
            if (!check_extent(&check, input, rule, dimension, why))
                return false;
    }
    return true;
}
