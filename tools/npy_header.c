/* The header of a .npy file: see npy_header.h. */
#include "npy_header.h"

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
    {"<f4", ELEMENT_FLOAT32}, {"<f8", ELEMENT_FLOAT64}, {"<f2", ELEMENT_FLOAT16},
    {"<i4", ELEMENT_INT32},   {"<i8", ELEMENT_INT64},
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

static bool parse_descr(const char *path, cursor *text, npy_array *array, reason *why)
{
    text_span descr;
    if (!accept_string(text, &descr))
        return refuse(why, "%s: a structured array; only plain f4, f8, f2, i4 and i8 are read", path);
    for (size_t i = 0; i < format_count; i++)
        if (span_is(descr, formats[i].descr)) {
            array->type = formats[i].type;
            return true;
        }
    if (descr.length > 0 && descr.start[0] == '>')
        return refuse(why, "%s: big-endian ('%.*s'); only little-endian arrays are read", path, descr.length,
                      descr.start);
    if (descr.length > 1 && descr.start[1] == 'O')
        return refuse(why, "%s: an array of Python objects; only plain f4, f8, f2, i4 and i8 are read", path);
    return refuse(why, "%s: elements are '%.*s'; only f4, f8, f2, i4 and i8 are read", path, descr.length, descr.start);
}

static bool parse_order(const char *path, cursor *text, npy_array *array, reason *why)
{
    (void)array;
    if (accept_word(text, "False"))
        return true;
    if (accept_word(text, "True"))
        return refuse(why, "%s: in Fortran order; only C order is read (numpy.ascontiguousarray makes it)", path);
    return refuse(why, "%s: bad header: fortran_order is neither True nor False", path);
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
    array->count = 1;
    if (!accept(text, '('))
        return refuse(why, "%s: bad header: shape is not a tuple", path);
    while (!accept(text, ')')) {
        if (array->dimensions == NPY_MAX_DIMENSIONS)
            return refuse(why, "%s: more than %d dimensions", path, NPY_MAX_DIMENSIONS);
        int64_t *extent = &array->shape[array->dimensions++];
        if (!parse_extent(text, extent))
            return refuse(why, "%s: bad header: the shape holds something else than counts below 2^63", path);
        if (__builtin_mul_overflow(array->count, *extent, &array->count))
            return refuse(why, "%s: the shape overflows: more than 2^63 elements", path);
        if (!accept(text, ',') && text->at < text->end && *text->at != ')')
            return refuse(why, "%s: bad header: shape is not a tuple", path);
    }
    return true;
}

typedef struct header_key {
    const char *name;
    bool (*parse)(const char *path, cursor *text, npy_array *array, reason *why);
} header_key;

static const header_key keys[] = {{"descr", parse_descr}, {"fortran_order", parse_order}, {"shape", parse_shape}};

enum { KEY_COUNT = sizeof keys / sizeof keys[0] };

static bool parse_entry(const char *path, cursor *text, bool seen[KEY_COUNT], npy_array *array, reason *why)
{
    text_span name;
    if (!accept_string(text, &name) || !accept(text, ':'))
        return refuse(why, "%s: bad header: not a dictionary", path);
    for (int i = 0; i < KEY_COUNT; i++)
        if (span_is(name, keys[i].name)) {
            if (seen[i])
                return refuse(why, "%s: bad header: '%s' twice", path, keys[i].name);
            seen[i] = true;
            return keys[i].parse(path, text, array, why);
        }
    return refuse(why, "%s: bad header: unknown key '%.*s'", path, name.length, name.start);
}

bool npy_header_parse(const char *path, const char *text, size_t size, npy_array *array, reason *why)
{
    cursor rest = {text, text + size};
    bool seen[KEY_COUNT] = {false};
    if (!accept(&rest, '{'))
        return refuse(why, "%s: bad header: not a dictionary", path);
    while (!accept(&rest, '}')) {
        if (!parse_entry(path, &rest, seen, array, why))
            return false;
        if (!accept(&rest, ',') && (rest.at == rest.end || *rest.at != '}'))
            return refuse(why, "%s: bad header: not a dictionary", path);
    }
    skip_space(&rest);
    if (rest.at != rest.end)
        return refuse(why, "%s: bad header: more after the dictionary", path);
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
