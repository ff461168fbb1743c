/* A bounded text that is built piece by piece: error messages, log lines, reasons. Never fails, never allocates. */
#ifndef VARLEN_CORE_TEXT_H
#define VARLEN_CORE_TEXT_H

#include <stdarg.h>
#include <stddef.h>

#include <varlen/backend.h>

/* Zeroed, it is the empty text. What does not fit is cut off, and the text then ends in "...". */
typedef struct varlen_text {
    size_t length;
    char data[1024];
} varlen_text;

void varlen_text_add(varlen_text *text, const char *format, ...) VARLEN_PRINTF(2, 3);
void varlen_text_add_list(varlen_text *text, const char *format, va_list arguments) VARLEN_PRINTF(2, 0);

/* A copy of the first `length` bytes, ended by 0, to be freed by the caller; NULL without memory. */
char *varlen_text_copy(const char *text, size_t length);

#endif
