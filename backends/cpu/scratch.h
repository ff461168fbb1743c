/* The caller's workspace, handed out piece by piece. The same calls with no base measure what they take. */
#ifndef VARLEN_CPU_SCRATCH_H
#define VARLEN_CPU_SCRATCH_H

#include <stddef.h>

enum { SCRATCH_ALIGNMENT = 64 };

typedef struct scratch_cursor {
    char *base; /* aligned to SCRATCH_ALIGNMENT; NULL to measure */
    size_t used;
} scratch_cursor;

static inline void *scratch_take(scratch_cursor *cursor, size_t bytes)
{
    void *piece = cursor->base ? cursor->base + cursor->used : NULL;
    cursor->used += (bytes + SCRATCH_ALIGNMENT - 1) / SCRATCH_ALIGNMENT * SCRATCH_ALIGNMENT;
    return piece;
}

#endif
