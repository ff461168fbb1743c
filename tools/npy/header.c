/* The header of a .npy file: see header.h. */
#include "npy/header.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct cursor {
    const char *at;
    const char *end;
} cursor;

typedef struct text_span {
    const char *start;
    int length;
} text_span;

static const struct {
    const char *descr;
    element_type type;
} formats[] = {
    {"<f4", ELEMENT_FLOAT32}, {"<f8", ELEMENT_FLOAT64}, {"<f2", ELEMENT_FLOAT16}, {"<i4", ELEMENT_INT32},
    {"<i8", ELEMENT_INT64},   {"|i1", ELEMENT_INT8},    {"|u1", ELEMENT_UINT8},
};

static const size_t format_count = sizeof formats / sizeof formats[0];

static void skip_space(cursor *text)
{
    while (text->at < text->end && (*text->at == ' ' || *text->at == '\n' || *text->at == '\t'))
        text->at++;
}

static bool accept(cursor *text, char wanted)
{
    skip_space(text);
    if (text->at == text->end || *text->at != wanted)
        return false;
    text->at++;
    return true;
}

static bool accept_word(cursor *text, const char *word)
{
    skip_space(text);
    const size_t length = strlen(word);
    if ((size_t)(text->end - text->at) < length || memcmp(text->at, word, length) != 0)
        return false;
    text->at += length;
    return true;
}

static bool accept_string(cursor *text, text_span *string)
{
    skip_space(text);
    if (text->at == text->end || (*text->at != '\'' && *text->at != '"'))
        return false;
    const char quote = *text->at++;
    const char *close = memchr(text->at, quote, (size_t)(text->end - text->at));
    if (!close || close - text->at > 64)
        return false;
    *string = (text_span){text->at, (int)(close - text->at)};
    text->at = close + 1;
    return true;
}

static bool span_is(text_span span, const char *word)
{
    return strlen(word) == (size_t)span.length && memcmp(span.start, word, (size_t)span.length) == 0;
}

enum { LONGEST_VALUE = 60 };

/* The end of the value that begins at `text`: the comma or brace after it, outside of its own brackets and quotes. */
static const char *end_of_value(const cursor *text)
{
    int depth = 0;
    char quote = '\0';
    for (const char *at = text->at; at < text->end; at++) {
        if (quote)
            quote = *at == quote ? '\0' : quote;
        else if (*at == '\'' || *at == '"')
            quote = *at;
        else if (depth == 0 && (*at == ',' || *at == '}'))
            return at;
        else
            depth += (*at == '(' || *at == '[') - (*at == ')' || *at == ']');
    }
    return text->end;
}

/* A piece of the header to show: cut, and with '?' for what a terminal might not show as it is. */
typedef struct quotation {
    char text[LONGEST_VALUE + sizeof "..."];
} quotation;

static quotation quote_text(const char *start, const char *end)
{
    quotation shown;
    int length = 0;
    for (const char *at = start; at < end && length < LONGEST_VALUE; at++)
        shown.text[length++] = *at >= ' ' && *at <= '~' ? *at : '?';
    while (length > 0 && shown.text[length - 1] == ' ')
        length--;
    strcpy(shown.text + length, end - start > LONGEST_VALUE ? "..." : "");
    return shown;
}

/* "descr = '>f4' is big-endian": the key, its value as it stands in the header, and the rule. */
static bool refuse_value(reason *why, const char *path, const char *key, const cursor *value, const char *rule)
{
    const quotation shown = quote_text(value->at, end_of_value(value));
    return refuse(why, "%s: %s = %s %s", path, key, shown.text, rule);
}

static bool refuse_header(reason *why, const char *path, const cursor *rest, const char *expected)
{
    const quotation shown = quote_text(rest->at, rest->end);
    return refuse(why, "%s: bad header: not a dictionary: %s is expected where it says \"%s\"", path, expected,
                  shown.text);
}

static bool parse_descr(const char *path, cursor *text, npy_array *array, reason *why)
{
    const cursor value = *text;
    text_span descr;
    if (!accept_string(text, &descr))
        return refuse_value(why, path, "descr", &value,
                            "is no plain type; <f4, <f8, <f2, <i4, <i8, |i1 and |u1 are read");
    for (size_t i = 0; i < format_count; i++)
        if (span_is(descr, formats[i].descr)) {
            array->type = formats[i].type;
            return true;
        }
    if (descr.length > 0 && descr.start[0] == '>')
        return refuse_value(why, path, "descr", &value, "is big-endian; only little-endian arrays are read");
    if (descr.length > 1 && descr.start[1] == 'O')
        return refuse_value(why, path, "descr", &value,
                            "means Python objects; <f4, <f8, <f2, <i4, <i8, |i1 and |u1 are read");
    return refuse_value(why, path, "descr", &value, "is none of <f4, <f8, <f2, <i4, <i8, |i1 and |u1");
}

static bool parse_order(const char *path, cursor *text, npy_array *array, reason *why)
{
    (void)array;
    const cursor value = *text;
    if (accept_word(text, "False"))
        return true;
    if (accept_word(text, "True"))
        return refuse_value(why, path, "fortran_order", &value,
                            "is Fortran order; only C order is read (numpy.ascontiguousarray makes it)");
    return refuse_value(why, path, "fortran_order", &value, "is neither True nor False");
}

static bool parse_extent(cursor *text, int64_t *extent)
{
    const char *start = text->at;
    int64_t value = 0;
    while (text->at < text->end && *text->at >= '0' && *text->at <= '9') {
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *text->at - '0', &value))
            return false;
        text->at++;
    }
    *extent = value;
    return text->at > start;
}

static bool parse_shape(const char *path, cursor *text, npy_array *array, reason *why)
{
    const cursor value = *text;
    array->count = 1;
    if (!accept(text, '('))
        return refuse_value(why, path, "shape", &value, "is not a tuple");
    while (!accept(text, ')')) {
        if (array->dimensions == NPY_MAX_DIMENSIONS)
            return refuse_value(why, path, "shape", &value, "has more than 8 dimensions");
        int64_t *extent = &array->shape[array->dimensions++];
        if (!parse_extent(text, extent))
            return refuse_value(why, path, "shape", &value, "holds something else than counts below 2^63");
        if (__builtin_mul_overflow(array->count, *extent, &array->count))
            return refuse_value(why, path, "shape", &value, "overflows: more than 2^63 elements");
        if (!accept(text, ',') && text->at < text->end && *text->at != ')')
            return refuse_value(why, path, "shape", &value, "is not a tuple");
    }
    return true;
}

_Static_assert(NPY_MAX_DIMENSIONS == 8, "the words of parse_shape say 8");

typedef struct header_key {
    const char *name;
    bool (*parse)(const char *path, cursor *text, npy_array *array, reason *why);
} header_key;

static const header_key keys[] = {{"descr", parse_descr}, {"fortran_order", parse_order}, {"shape", parse_shape}};

enum { KEY_COUNT = sizeof keys / sizeof keys[0] };

static bool parse_entry(const char *path, cursor *text, bool seen[KEY_COUNT], npy_array *array, reason *why)
{
    text_span name;
    skip_space(text);
    const cursor entry = *text;
    if (!accept_string(text, &name) || !accept(text, ':'))
        return refuse_header(why, path, &entry, "'key':");
    skip_space(text);
    for (int i = 0; i < KEY_COUNT; i++)
        if (span_is(name, keys[i].name)) {
            if (seen[i])
                return refuse(why, "%s: bad header: '%s' twice", path, keys[i].name);
            seen[i] = true;
            return keys[i].parse(path, text, array, why);
        }
    const quotation shown = quote_text(name.start, name.start + name.length);
    return refuse(why, "%s: bad header: unknown key '%s': the keys are descr, fortran_order and shape", path,
                  shown.text);
}

bool npy_header_parse(const char *path, const char *text, size_t size, npy_array *array, reason *why)
{
    cursor rest = {text, text + size};
    bool seen[KEY_COUNT] = {false};
    if (!accept(&rest, '{'))
        return refuse_header(why, path, &rest, "{");
    while (!accept(&rest, '}')) {
        if (!parse_entry(path, &rest, seen, array, why))
            return false;
        if (!accept(&rest, ',') && (rest.at == rest.end || *rest.at != '}'))
            return refuse_header(why, path, &rest, "a comma or }");
    }
    skip_space(&rest);
    if (rest.at != rest.end)
        return refuse_header(why, path, &rest, "the end");
    for (int i = 0; i < KEY_COUNT; i++)
        if (!seen[i])
            return refuse(why, "%s: bad header: no '%s'", path, keys[i].name);
    return true;
}

int npy_header_print(const npy_array *array, char *text, size_t size)
{
    const char *descr = "";
    for (size_t i = 0; i < format_count; i++)
        if (formats[i].type == array->type)
            descr = formats[i].descr;
    char shape[NPY_MAX_DIMENSIONS * 24] = "";
    int length = 0;
    for (int i = 0; i < array->dimensions; i++)
        length += snprintf(shape + length, sizeof shape - (size_t)length, "%" PRId64 ", ", array->shape[i]);
    return snprintf(text, size, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, shape);
}
