/* The caller's workspace, handed out piece by piece. The same calls with no base measure what they take. */
#ifndef VARLEN_CPU_SCRATCH_H
#define VARLEN_CPU_SCRATCH_H

#include "../workspace_size.h"

enum { SCRATCH_ALIGNMENT = 64 };

typedef struct scratch_cursor {
    char *base;  /* aligned to SCRATCH_ALIGNMENT; NULL to measure */
    size_t used; /* SIZE_MAX: more than there are addresses */
} scratch_cursor;

static inline void *scratch_take(scratch_cursor *cursor, size_t bytes)
{
    void *piece = cursor->base ? cursor->base + cursor->used : NULL;
    cursor->used = size_sum(cursor->used, size_round_up(bytes, SCRATCH_ALIGNMENT));
    return piece;
}

#endif
