/* A file in a folder of its own, gone when the test ends. */
#ifndef VARLEN_TESTS_TEMPORARY_FILE_H
#define VARLEN_TESTS_TEMPORARY_FILE_H

#include <stddef.h>

typedef struct temporary_file {
    char folder[64];
    char path[80];
} temporary_file;

temporary_file temporary_file_make(const void *bytes, size_t size); /* fails the running test if it cannot */
void temporary_file_remove(const temporary_file *file);

#endif
