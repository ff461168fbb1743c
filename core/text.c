/* Appending to a bounded text, and making it one line that can be printed. */
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char cut[] = "...";

/* The length of the UTF-8 character that `bytes` begin with; 0 if they do not, or if it is a control character. */
static size_t printable_length(const unsigned char *bytes)
{
    const unsigned char first = bytes[0];
    if (first < 0x80)
        return first >= 0x20 && first != 0x7f;
    const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((bytes[i] & 0xc0) != 0x80) /* also the 0 at the end */
            return 0;
    const unsigned second = bytes[1];
    const bool is_control = first == 0xc2 && second < 0xa0;
    const bool is_overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool is_no_character = (first == 0xed && second >= 0xa0) || (first == 0xf4 && second >= 0x90);
    return is_control || is_overlong || is_no_character ? 0 : length;
}

/* False if the bytes do not fit: the text is then cut off. */
static bool add_bytes(varlen_text *text, const char *bytes, size_t length)
{
    const size_t room = sizeof text->data - 1 - text->length;
    if (length <= room) {
        memcpy(text->data + text->length, bytes, length);
        text->length += length;
        text->data[text->length] = '\0';
        return true;
    }
    size_t end = sizeof text->data - sizeof cut; /* at or below the length: pieces are at most 4 bytes long */
    while (((unsigned char)text->data[end] & 0xc0) == 0x80)
        end--; /* not inside a character */
    memcpy(text->data + end, cut, sizeof cut);
    text->length = end + sizeof cut - 1;
    return false;
}

static bool add_escaped(varlen_text *text, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    const char code[] = {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    switch (byte) {
    case '\n': return add_bytes(text, "\\n", 2);
    case '\r': return add_bytes(text, "\\r", 2);
    case '\t': return add_bytes(text, "\\t", 2);
    default: return add_bytes(text, code, sizeof code);
    }
}

void varlen_text_add_list(varlen_text *text, const char *format, va_list arguments)
{
    char raw[sizeof text->data + 4]; /* holds more than fits, so that what was cut off here is cut off there */
    if (vsnprintf(raw, sizeof raw, format, arguments) < 0)
        return;
    for (const char *rest = raw; *rest;) {
        const size_t length = printable_length((const unsigned char *)rest);
        if (!(length ? add_bytes(text, rest, length) : add_escaped(text, (unsigned char)*rest)))
            return;
        rest += length ? length : 1;
    }
}

void varlen_text_add(varlen_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    varlen_text_add_list(text, format, arguments);
    va_end(arguments);
}

bool varlen_text_is_printable(const char *text)
{
    size_t length = 1;
    while (*text && length) {
        length = printable_length((const unsigned char *)text);
        text += length;
    }
    return length > 0;
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
