/* The header of a .npy file: a Python dictionary, as text. */
#ifndef VARLEN_TOOLS_NPY_HEADER_H
#define VARLEN_TOOLS_NPY_HEADER_H

#include "npy/npy.h"

/* Parses `size` bytes of text into the array's type, shape and count; data is left alone. `path` begins the reason. */
bool npy_header_parse(const char *path, const char *text, size_t size, npy_array *array, reason *why);

/* Writes the dictionary for an array; returns its length, without the terminating zero. */
int npy_header_print(const npy_array *array, char *text, size_t size);

#endif
