/* Appending to a bounded text. */
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void varlen_text_add_list(varlen_text *text, const char *format, va_list arguments)
{
    static const char cut[] = "...";
    const size_t room = sizeof text->data - text->length;
    const int wanted = vsnprintf(text->data + text->length, room, format, arguments);
    if (wanted < 0)
        return;
    if ((size_t)wanted < room) {
        text->length += (size_t)wanted;
        return;
    }
    text->length = sizeof text->data - 1;
    memcpy(text->data + sizeof text->data - sizeof cut, cut, sizeof cut);
}

void varlen_text_add(varlen_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    varlen_text_add_list(text, format, arguments);
    va_end(arguments);
}

char *varlen_text_copy(const char *text, size_t length)
{
    char *copy = malloc(length + 1);
    if (copy) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}
