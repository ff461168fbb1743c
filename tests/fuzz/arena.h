/* The memory of one run: blocks with red zones, all of it reused by the next run. What a call may touch is said before
 * it; AddressSanitizer, where there is one, watches that it touches nothing else, and in every build what it wrote
 * elsewhere is found afterwards by comparison. */
#ifndef VARLEN_FUZZ_ARENA_H
#define VARLEN_FUZZ_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Forgets all blocks. */
void arena_reset(void);

/* A block of `size` bytes, aligned to 64 bytes and then moved by `offset`, full of 0xff: NaN in every dtype. */
void *arena_take(const char *name, size_t size, size_t offset);

void *arena_newest(size_t *size); /* the block that was taken last */

/* Whether a block holds bytes data .. data + size - 1. */
bool arena_holds(const void *data, int64_t size);

/* Keeps what all blocks hold, and permits the call to touch no byte of them (but without AddressSanitizer it can). */
void arena_seal(void);

void arena_permit(const void *data, size_t size);
void arena_permit_block(const void *data); /* that begins there */
void arena_permit_all(void);               /* blocks; red zones stay closed */

/* The call is over: everything may be touched again. */
void arena_open(void);

/* Where the same byte is kept as it was when the arena was sealed, until it is sealed again. */
const void *arena_before(const void *data);

/* Takes bytes for right, as they are now. */
void arena_accept(const void *data, size_t size);

/* Reports a finding unless everything is as it was when the arena was sealed, but for what was accepted. */
void arena_check(const char *call);

/* Scratch memory of its own, aligned to 64 bytes and not to 128, until the next call; NULL if there is not so much. It
 * is full of 0xff, and has a red zone, which arena_check looks at. */
void *arena_workspace(size_t size);

#endif
