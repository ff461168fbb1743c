/* Words by which command lines describe a problem: see problem_options.h. */
#include "problem_options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FORWARD_BIT = 1 << VARLEN_PASS_FORWARD, BACKWARD_BIT = 1 << VARLEN_PASS_BACKWARD };

/* clang-format off */
const option_choice mask_choices[] = {
    {"full", VARLEN_MASK_FULL}, {"causal", VARLEN_MASK_CAUSAL}, {"window", VARLEN_MASK_WINDOW}, {NULL, 0}};
const option_choice alignment_choices[] = {
    {"bottom-right", VARLEN_ALIGN_BOTTOM_RIGHT}, {"top-left", VARLEN_ALIGN_TOP_LEFT}, {NULL, 0}};
const option_choice dtype_choices[] = {
    {"f32", VARLEN_FLOAT32}, {"f16", VARLEN_FLOAT16}, {"bf16", VARLEN_BFLOAT16}, {NULL, 0}};
const option_choice kv_dtype_choices[] = {
    {"e4m3", VARLEN_FLOAT8_E4M3}, {"e5m2", VARLEN_FLOAT8_E5M2}, {"int8", VARLEN_INT8}, {NULL, 0}};
const option_choice pass_choices[] = {
    {"forward", FORWARD_BIT}, {"backward", BACKWARD_BIT}, {"both", FORWARD_BIT | BACKWARD_BIT}, {NULL, 0}};
/* clang-format on */

const char *dtype_word(varlen_dtype dtype)
{
    return dtype < VARLEN_FLOAT8_E4M3 ? dtype_choices[dtype].name : kv_dtype_choices[dtype - VARLEN_FLOAT8_E4M3].name;
}

const char *pass_word(varlen_pass pass)
{
    return pass_choices[pass].name;
}

/* A whole number from 1 to 2^31 - 1 at the start of `text`; *end is what follows it. */
static bool parse_count(const char *text, const char **end, int32_t *number)
{
    char *stop;
    errno = 0;
    const long value = strtol(text, &stop, 10);
    *end = stop;
    *number = (int32_t)value;
    return *text >= '0' && *text <= '9' && errno == 0 && value >= 1 && value <= INT32_MAX;
}

bool read_count(const command_option *option, const char *value, void *target, reason *why)
{
    (void)option;
    const char *end;
    if (!parse_count(value, &end, target) || *end)
        return refuse(why, "not a whole number from 1 to %d", INT32_MAX);
    return true;
}

bool read_lengths(const command_option *option, const char *value, void *target, reason *why)
{
    (void)option;
    length_list *list = target;
    int64_t total = 0;
    list->text = value;
    for (const char *at = value;; at++) {
        if (list->count == MOST_LENGTHS)
            return refuse(why, "more than %d lengths", MOST_LENGTHS);
        if (!parse_count(at, &at, &list->values[list->count]) || (*at && *at != ','))
            return refuse(why, "not a list of lengths N,N,... of 1 or more tokens each");
        total += list->values[list->count++];
        if (!*at)
            break;
    }
    return total <= INT32_MAX || refuse(why, "more than %d tokens in all", INT32_MAX);
}

bool read_rate(const command_option *option, const char *value, void *target, reason *why)
{
    float *rate = target;
    if (!read_float(option, value, rate, why))
        return false;
    return (*rate > 0 && isfinite(*rate)) || refuse(why, "not a number above 0");
}

/* One side of a window: a count of keys, or "inf". */
static bool read_bound(const char *text, const char *end, int32_t *bound)
{
    if (end - text == 3 && strncmp(text, "inf", 3) == 0) {
        *bound = VARLEN_UNBOUNDED;
        return true;
    }
    char *stop;
    errno = 0;
    const long value = strtol(text, &stop, 10);
    *bound = (int32_t)value;
    return text < end && *text >= '0' && *text <= '9' && stop == end && errno == 0 && value <= INT32_MAX;
}

bool read_window(const command_option *option, const char *value, void *target, reason *why)
{
    (void)option;
    window_bounds *window = target;
    const char *comma = strchr(value, ',');
    window->given = true;
    if (comma && read_bound(value, comma, &window->left) &&
        read_bound(comma + 1, value + strlen(value), &window->right))
        return true;
    return refuse(why, "not a pair L,R of key counts, each 0 or more, or inf");
}

/* "f32, f16 and bf16" */
static void list_choices(const option_choice *choices, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (const option_choice *choice = choices; choice->name && length < size; choice++) {
        const char *separator = choice == choices ? "" : choice[1].name ? ", " : " and ";
        length += (size_t)snprintf(text + length, size - length, "%s%s", separator, choice->name);
    }
}

bool read_choices(const command_option *option, const char *value, void *target, reason *why)
{
    uint32_t bits = 0;
    for (const char *at = value;; at++) {
        const size_t length = strcspn(at, ",");
        const option_choice *choice = option->choices;
        while (choice->name && (strlen(choice->name) != length || strncmp(choice->name, at, length) != 0))
            choice++;
        if (!choice->name) {
            char known[256];
            list_choices(option->choices, known, sizeof known);
            return refuse(why, "not a list of %s", known);
        }
        bits |= 1u << choice->value;
        at += length;
        if (!*at)
            break;
    }
    *(uint32_t *)target = bits;
    return true;
}
