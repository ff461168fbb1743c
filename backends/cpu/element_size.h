/* Bytes of an element of a dtype that the backend claims: varlen_dtype_size without the question whether there is such
 * a one, which kernels would ask at every row. */
#ifndef VARLEN_CPU_ELEMENT_SIZE_H
#define VARLEN_CPU_ELEMENT_SIZE_H

#include <varlen/varlen.h>

static inline int64_t cpu_element_size(varlen_dtype dtype)
{
    return dtype == VARLEN_FLOAT32 ? 4 : dtype >= VARLEN_FLOAT8_E4M3 ? 1 : 2;
}

#endif
