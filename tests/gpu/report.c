/* What the tests of GPU backends print; see report.h. */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static int passed;
static int failed;
static int skipped;

static void print_line(const char *verdict, const char *format, va_list values)
{
    printf("%-7s ", verdict);
    vprintf(format, values);
    putchar('\n');
    fflush(stdout);
}

void report(bool good, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    print_line(good ? "ok" : "FAILED", format, values);
    va_end(values);
    *(good ? &passed : &failed) += 1;
}

void report_skipped(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    print_line("skipped", format, values);
    va_end(values);
    skipped++;
}

int report_end(void)
{
    printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed || !passed ? EXIT_FAILURE : EXIT_SUCCESS;
}

void must(varlen_status status, const char *what)
{
    if (status == VARLEN_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, varlen_status_name(status), varlen_error_message());
    exit(EXIT_FAILURE);
}

void *must_allocate(size_t size)
{
    void *memory = calloc(1, size ? size : 1);
    if (!memory) {
        fprintf(stderr, "no %zu bytes of memory\n", size);
        exit(EXIT_FAILURE);
    }
    return memory;
}
