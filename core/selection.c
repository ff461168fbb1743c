/* The parser of backend selections. */
#include "selection.h"

#include <string.h>

#include "rule.h"

static const char name_characters[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";

static const char spaces[] = " \t";

bool varlen_is_blank(const char *text)
{
    return text[strspn(text, spaces)] == '\0';
}

static bool is_name(const char *text, size_t length)
{
    return length > 0 && length < sizeof((varlen_choice *)0)->backend && strspn(text, name_characters) >= length &&
           !(length == strlen("auto") && memcmp(text, "auto", length) == 0);
}

bool varlen_is_backend_name(const char *name)
{
    return is_name(name, strlen(name));
}

/* Digits only: no sign, no spaces. */
static bool parse_device(const char *text, size_t length, int32_t *device)
{
    int64_t value = 0;
    if (length == 0)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (text[i] - '0');
        if (value > INT32_MAX)
            return false;
    }
    *device = (int32_t)value;
    return true;
}

/* Takes the spaces from both ends of a text. */
static void strip(const char **text, size_t *length)
{
    while (*length > 0 && strchr(spaces, **text)) {
        ++*text;
        --*length;
    }
    while (*length > 0 && strchr(spaces, (*text)[*length - 1]))
        --*length;
}

static varlen_status parse_choice(const char *origin, const char *text, size_t length, varlen_choice *choice)
{
    const char *colon = memchr(text, ':', length);
    const size_t name_length = colon ? (size_t)(colon - text) : length;
    VARLEN_RULE(is_name(text, name_length), INVALID_ARGUMENT,
                "%s: \"%.*s\" is not a backend's name: 1 to 15 of a-z, 0-9, _ and -; auto stands alone", origin,
                (int)name_length, text);
    memcpy(choice->backend, text, name_length);
    choice->backend[name_length] = '\0';
    choice->device = 0;
    VARLEN_RULE(!colon || parse_device(colon + 1, length - name_length - 1, &choice->device), INVALID_ARGUMENT,
                "%s: \"%.*s\" does not end in a device number, as in cuda:1", origin, (int)length, text);
    return VARLEN_OK;
}

varlen_status varlen_parse_selection(const char *origin, const char *text, varlen_selection *selection)
{
    const char *whole = text;
    size_t whole_length = strlen(text);
    strip(&whole, &whole_length);
    selection->count = 0;
    if (whole_length == 0 || (whole_length == strlen("auto") && memcmp(whole, "auto", whole_length) == 0))
        return VARLEN_OK;
    for (const char *rest = text; rest;) {
        const size_t length = strcspn(rest, ",");
        const char *choice = rest;
        size_t choice_length = length;
        strip(&choice, &choice_length);
        VARLEN_RULE(selection->count < VARLEN_MAX_CHOICES, INVALID_ARGUMENT, "%s: \"%s\" names more than %d backends",
                    origin, text, VARLEN_MAX_CHOICES);
        VARLEN_TRY(parse_choice(origin, choice, choice_length, &selection->choices[selection->count]));
        selection->count++;
        rest = rest[length] ? rest + length + 1 : NULL;
    }
    return VARLEN_OK;
}
