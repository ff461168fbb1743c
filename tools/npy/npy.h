/* NumPy .npy files, versions 1 to 3: little-endian f4, f8, f2, i4, i8 in C order. */
#ifndef VARLEN_TOOLS_NPY_H
#define VARLEN_TOOLS_NPY_H

#include <stdio.h>

#include "npy/elements.h"
#include "reason.h"

enum { NPY_MAX_DIMENSIONS = 8 };

typedef struct npy_array {
    element_type type; /* never ELEMENT_BFLOAT16, for which .npy has no name */
    int dimensions;
    int64_t shape[NPY_MAX_DIMENSIONS];
    int64_t count; /* elements: the product of the shape */
    void *data;    /* owned; NULL if there are no elements */
} npy_array;

/* Reads a whole file, or a pipe to its end. The header is held against a file's size before anything is allocated. On
 * failure the reason begins with the path and the array is zeroed. */
bool npy_read(const char *path, npy_array *array, reason *why);

/* Errors stay with the stream. */
void npy_write(FILE *stream, const npy_array *array);

void npy_free(npy_array *array);

/* "[71, 8, 64]"; cut short where `size` is too small. Returns `text`. */
const char *npy_shape_text(const npy_array *array, char *text, size_t size);

#endif
