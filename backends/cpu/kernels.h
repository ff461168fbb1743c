/* What the instruction-set-specific part of the backend offers to the rest: one table per instruction set. */
#ifndef VARLEN_CPU_KERNELS_H
#define VARLEN_CPU_KERNELS_H

#include "philox.h"
#include "sequence.h"

#include <varlen/varlen.h>

/* Rows of queries of one kv head. All query heads of its group stand in one tile, so that keys and values are read
 * once: row r is query r / group of the sequence, head r % group of the group. */
typedef struct cpu_forward_tile {
    const varlen_attention *attention;
    const varlen_forward_args *args;
    cpu_sequence sequence;
    int32_t kv_head;
    int64_t first_row;
    int32_t rows; /* at most the kernels' tile_rows */
    philox_key dropout_key;
} cpu_forward_tile;

typedef struct cpu_kernels {
    const char *name;  /* of the instruction set, as in VARLEN_CPU_ISA */
    int32_t tile_rows; /* rows of queries per tile */
    size_t (*forward_scratch_bytes)(const varlen_attention *attention); /* per thread, a multiple of 64 */
    void (*forward)(const cpu_forward_tile *tile, void *scratch);       /* scratch: aligned to 64 bytes */
} cpu_kernels;

#endif
