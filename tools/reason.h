/* Why something was refused, in words that a person can act on. Functions that can fail return a bool and fill one in.
 */
#ifndef VARLEN_TOOLS_REASON_H
#define VARLEN_TOOLS_REASON_H

#include <stdbool.h>

typedef struct reason {
    char text[2048];
} reason;

/* Writes the reason and returns false, so that a function refuses in one line. */
bool refuse(reason *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, followed by ": " and the library's own words for this thread's last failing call. */
bool refuse_with_library_error(reason *why, const char *what);

#endif
