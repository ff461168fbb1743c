/* Reads JSON where it lies: see json_read.h. */
#include "bench/json_read.h"

#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 32 };

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* These return what follows, or NULL where the text is not JSON. */
static const char *skip_value(const char *at, int depth);

static const char *skip_string(const char *at)
{
    if (*at != '"')
        return NULL;
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && !*++at)
            return NULL;
    return *at ? at + 1 : NULL;
}

static const char *skip_number(const char *at)
{
    char *end;
    const char first = at[*at == '-']; /* strtod also takes "inf", which JSON has not */
    if (first < '0' || first > '9')
        return NULL;
    strtod(at, &end);
    return end;
}

static const char *skip_word(const char *at)
{
    static const char *const words[] = {"null", "true", "false"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strncmp(at, words[i], strlen(words[i])) == 0)
            return at + strlen(words[i]);
    return NULL;
}

static const char *skip_key(const char *at)
{
    at = skip_string(at);
    if (!at)
        return NULL;
    at = skip_space(at);
    return *at == ':' ? skip_space(at + 1) : NULL;
}

static const char *skip_list(const char *at, char end, int depth)
{
    at = skip_space(at + 1);
    if (*at == end)
        return at + 1;
    for (;;) {
        if (end == '}')
            at = skip_key(at);
        at = at ? skip_value(at, depth) : NULL;
        if (!at)
            return NULL;
        at = skip_space(at);
        if (*at == end)
            return at + 1;
        if (*at != ',')
            return NULL;
        at = skip_space(at + 1);
    }
}

static const char *skip_value(const char *at, int depth)
{
    if (depth == DEEPEST)
        return NULL;
    switch (*at) {
    case '{': return skip_list(at, '}', depth + 1);
    case '[': return skip_list(at, ']', depth + 1);
    case '"': return skip_string(at);
    case 'n':
    case 't':
    case 'f': return skip_word(at);
    default: return skip_number(at);
    }
}

bool json_valid(const char *text)
{
    const char *end = skip_value(skip_space(text), 0);
    return end && !*skip_space(end);
}

const char *json_next(const char *element)
{
    const char *at = skip_space(skip_value(element, 0));
    return *at == ',' ? skip_space(at + 1) : NULL;
}

/* What the list holds first, a key or an element. */
static const char *first_of(const char *list, char open, char close)
{
    if (!list)
        return NULL;
    list = skip_space(list);
    if (*list != open)
        return NULL;
    list = skip_space(list + 1);
    return *list == close ? NULL : list;
}

const char *json_first(const char *array)
{
    return first_of(array, '[', ']');
}

const char *json_member(const char *object, const char *key)
{
    for (const char *at = first_of(object, '{', '}'); at; at = json_next(skip_key(at)))
        if (json_equals(at, key))
            return skip_key(at);
    return NULL;
}

bool json_equals(const char *value, const char *text)
{
    const size_t length = strlen(text);
    return value && *value == '"' && strncmp(value + 1, text, length) == 0 && value[length + 1] == '"';
}

bool json_number(const char *value, double *number)
{
    if (!value || !skip_number(value))
        return false;
    *number = strtod(value, NULL);
    return true;
}
