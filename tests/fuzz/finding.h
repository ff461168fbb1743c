/* How a target reports that its property does not hold, and what every refused call owes. */
#ifndef VARLEN_FUZZ_FINDING_H
#define VARLEN_FUZZ_FINDING_H

#include <stdbool.h>
#include <stdnoreturn.h>
#include <varlen/varlen.h>

/* Prints the sentence, and what was told to be printed with it, then aborts. */
noreturn void finding(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* `print` is called with `object` should a finding be reported; NULL: nothing more to print. */
void finding_describe(void (*print)(const void *object), const void *object);

/* Puts a message of its own in the place of the thread's last, so that one that was not replaced is seen. */
void refusal_prepare(void);

/* A refused call has a status other than INTERNAL, DEVICE and OUT_OF_MEMORY, which it cannot have come to, and a
 * message of its own that is not empty and can be printed. */
void refusal_check(const char *call, varlen_status status);

/* Whether the thread's last message begins with these words. */
bool refusal_begins(const char *words);

/* A text of the library: no control characters, so that it can be printed on a terminal as one line. */
void text_check(const char *what, const char *text);

#endif
