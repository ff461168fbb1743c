/* The caller's workspace, handed out piece by piece. The same calls with no base measure what they take. */
#ifndef VARLEN_GPU_HOST_WORKSPACE_H
#define VARLEN_GPU_HOST_WORKSPACE_H

#include <stddef.h>
#include <stdint.h>

/* Pieces start this far apart, so that they are aligned as the workspace is: to 64 bytes at least, often to more. */
constexpr size_t workspace_spacing = 256;

struct workspace_cursor {
    char *base; /* aligned to 64 bytes; NULL to measure */
    size_t used;
};

template <typename T> T *workspace_take(workspace_cursor &cursor, int64_t count)
{
    T *piece = cursor.base ? (T *)(cursor.base + cursor.used) : nullptr;
    size_t bytes = (size_t)count * sizeof(T);
    cursor.used += (bytes + workspace_spacing - 1) / workspace_spacing * workspace_spacing;
    return piece;
}

#endif
