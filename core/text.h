/* A bounded text that is built piece by piece: error messages, log lines, reasons. Never fails, never allocates. */
#ifndef VARLEN_CORE_TEXT_H
#define VARLEN_CORE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <varlen/backend.h>

/* Zeroed, it is the empty text. What does not fit is cut off, and the text then ends in "...".
 *
 * It is one line that a terminal shows as it is, whatever file names, variables and backends put into it: control
 * characters and bytes that are not UTF-8 are written as \n, \t or \x1b. */
typedef struct varlen_text {
    size_t length;
    char data[1024];
} varlen_text;

void varlen_text_add(varlen_text *text, const char *format, ...) VARLEN_PRINTF(2, 3);
void varlen_text_add_list(varlen_text *text, const char *format, va_list arguments) VARLEN_PRINTF(2, 0);

/* Whether a text would be added as it is, were there room for it. */
bool varlen_text_is_printable(const char *text);

/* A copy of the first `length` bytes, ended by 0, to be freed by the caller; NULL without memory. */
char *varlen_text_copy(const char *text, size_t length);

#endif
