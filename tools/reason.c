/* Why something was refused: see reason.h. */
#include "reason.h"

#include <stdarg.h>
#include <stdio.h>
#include <varlen/varlen.h>

bool refuse(reason *why, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(why->text, sizeof why->text, format, values);
    va_end(values);
    return false;
}

bool refuse_with_library_error(reason *why, const char *what)
{
    return refuse(why, "%s: %s", what, varlen_error_message());
}
