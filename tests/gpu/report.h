/* How the tests of GPU backends say what they found. They run on machines that have nothing but the device's driver. */
#ifndef VARLEN_TESTS_GPU_REPORT_H
#define VARLEN_TESTS_GPU_REPORT_H

#include <stdbool.h>
#include <varlen/varlen.h>

enum { EXIT_SKIPPED = 77 };

/* Prints "ok" or "FAILED" and what was looked at, and keeps count. */
void report(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));
void report_skipped(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The exit status: whether anything failed. */
int report_end(void);

/* Ends the program unless the status is VARLEN_OK. */
void must(varlen_status status, const char *what);

/* `size` bytes of host memory, to be freed. */
void *must_allocate(size_t size);

#endif
