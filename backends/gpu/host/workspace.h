/* The caller's workspace, handed out piece by piece. The same calls with no base measure what they take. */
#ifndef VARLEN_GPU_HOST_WORKSPACE_H
#define VARLEN_GPU_HOST_WORKSPACE_H

#include "../../workspace_size.h"

/* Pieces start this far apart, so that they are aligned as the workspace is: to 64 bytes at least, often to more. */
constexpr size_t workspace_spacing = 256;

struct workspace_cursor {
    char *base;  /* aligned to 64 bytes; NULL to measure */
    size_t used; /* SIZE_MAX: more than there are addresses */
};

template <typename T> T *workspace_take(workspace_cursor &cursor, size_t count)
{
    T *piece = cursor.base ? (T *)(cursor.base + cursor.used) : nullptr;
    const size_t bytes = size_product(count, sizeof(T));
    cursor.used = size_sum(cursor.used, size_round_up(bytes, workspace_spacing));
    return piece;
}

#endif
