/* Reporting findings; see finding.h. */
#include "finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For AddressSanitizer, where there is one: sizes that no machine has are asked for on purpose. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void (*print_object)(const void *object);
static const void *object_to_print;

void finding_describe(void (*print)(const void *object), const void *object)
{
    print_object = print;
    object_to_print = object;
}

/* AddressSanitizer calls this before it reports. */
void __asan_on_error(void);
void __asan_on_error(void)
{
    if (print_object)
        print_object(object_to_print);
}

void finding(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fprintf(stderr, "finding: ");
    vfprintf(stderr, format, values);
    fprintf(stderr, "\n");
    va_end(values);
    if (print_object)
        print_object(object_to_print);
    abort();
}

static const char stale[] = "index = -7 is not";

void refusal_prepare(void)
{
    varlen_get_environment(-7, NULL);
}

bool refusal_begins(const char *words)
{
    return strncmp(varlen_error_message(), words, strlen(words)) == 0;
}

void text_check(const char *what, const char *text)
{
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            finding("%s: byte %d of \"%s\" is 0x%02x", what, (int)(at - text), text, (unsigned char)*at);
}

void refusal_check(const char *call, varlen_status status)
{
    const char *message = varlen_error_message();
    if (status == VARLEN_ERROR_INTERNAL || status == VARLEN_ERROR_DEVICE || status == VARLEN_ERROR_OUT_OF_MEMORY ||
        strcmp(varlen_status_name(status), "unknown status") == 0)
        finding("%s: status %d (%s): %s", call, (int)status, varlen_status_name(status), message);
    if (message[0] == '\0' || refusal_begins(stale))
        finding("%s: %s without a message of its own", call, varlen_status_name(status));
    text_check(call, message);
}
