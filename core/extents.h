/* The memory that the arguments of a call take, and the rule that nothing a call writes overlaps anything else. Each
 * argument adds its extent when its own rules have been checked, so that none is forgotten. */
#ifndef VARLEN_CORE_EXTENTS_H
#define VARLEN_CORE_EXTENTS_H

#include <stdbool.h>

#include <varlen/varlen.h>

enum { VARLEN_EXTENT_STEPS = 3, VARLEN_EXTENT_LIMIT = 32 };

/* Pieces of memory that lie regularly: a row, repeated along up to three dimensions. Counted in bytes. */
typedef struct varlen_extent {
    const char *name;
    bool written;
    uintptr_t begin;
    int steps;                              /* dimensions with more than one step and a stride above 0, */
    int64_t stride[VARLEN_EXTENT_STEPS];    /* the largest first; */
    int64_t reach[VARLEN_EXTENT_STEPS + 1]; /* [i]: from the first byte to past the last without dimensions below i */
} varlen_extent;

/* None, where count is set to 0: what lies behind need not be cleared, which would cost more than most rules. */
typedef struct varlen_extents {
    int count;
    varlen_extent at[VARLEN_EXTENT_LIMIT];
} varlen_extents;

/* `bytes` in one piece, within the address space. Nothing is added for NULL or for 0 bytes. */
void varlen_extents_add(varlen_extents *extents, const char *name, const void *data, int64_t bytes, bool written);

/* A repetition of the extent that was added last: `count` times, `stride` bytes apart. The whole is within the address
 * space. */
void varlen_extents_repeat(varlen_extents *extents, int64_t count, int64_t stride);

/* Fails unless extents that are written share no byte with any other. Inputs may overlap inputs. */
varlen_status varlen_check_overlaps(const varlen_extents *extents);

#endif
