/* Whether a file is a whole shared library of this machine. The dynamic loader maps what the headers name and then
 * reads it: where the file ends early, that is SIGBUS, and where headers contradict each other, it writes into memory
 * that is not the library's. So the headers are compared with the file before it is loaded. */
#ifndef VARLEN_CORE_ELF_FILE_H
#define VARLEN_CORE_ELF_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

typedef struct varlen_elf_reader {
    uint64_t size; /* of the file */
    void *user;
    /* Copies bytes offset .. offset + size - 1, which the file has, to `to`. False if they cannot be read. */
    bool (*read)(void *user, uint64_t offset, void *to, size_t size);
} varlen_elf_reader;

/* False, with the reason, for a file that is cut short or damaged in what the loader uses before it looks at symbols:
 * the headers, the segments, the dynamic section and the tables that it names. What is in the tables is not looked at.
 * Bounded in time and stack whatever the file holds. */
bool varlen_elf_check(const varlen_elf_reader *file, varlen_text *reason);

/* Likewise of a file in memory. */
bool varlen_elf_check_bytes(const void *bytes, size_t size, varlen_text *reason);

#endif
