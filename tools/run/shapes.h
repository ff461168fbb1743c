/* The shapes that the arrays of `varlen run` must have, and the sizes that follow from them. */
#ifndef VARLEN_TOOLS_RUN_SHAPES_H
#define VARLEN_TOOLS_RUN_SHAPES_H

#include "npy/npy.h"
#include "run/arguments.h"

typedef enum run_size {
    SIZE_TOTAL_Q,
    SIZE_TOTAL_K,
    SIZE_Q_HEADS,
    SIZE_KV_HEADS,
    SIZE_HEAD_DIM,
    SIZE_VALUE_DIM,
    SIZE_BATCH,
    SIZE_PAGE_COUNT,
    SIZE_PAGE_SIZE,
    SIZE_TABLE_WIDTH,
    SIZE_COUNT
} run_size;

/* Reads each size off the first array that has it, and holds the others against it. Sizes that no array has are 0. The
 * reason names both arrays with their shapes. */
bool run_shapes_resolve(const run_arguments *arguments, const npy_array arrays[INPUT_COUNT], int64_t sizes[SIZE_COUNT],
                        reason *why);

#endif
