/* How large a kernel's pieces of work are. Each platform has a table of these in platform/tuning.h, by the size that
 * head_dim is rounded up to and by the kind of device; they change speed, and results in their last bits. A kind is a
 * number that says how devices differ, of those that one plugin has code for; DEVICE_KIND is that of the code.
 *
 *     FORWARD_ROWS                  of a tile, at most
 *     warp_threads(kind)
 *     shared_memory_limit(kind)     of a block, in bytes
 *     forward_tuning_of(head_dim, kind, general)
 *     backward_tuning_of(head_dim, kind, general) */
#ifndef VARLEN_GPU_TUNING_H
#define VARLEN_GPU_TUNING_H

/* Prefill tiles have warps x warp_rows rows, each warp its own; warps of a decode tile share its DECODE_TILE_ROWS rows
 * and take a part each of a chunk's keys. Rows of a tile are the same whether general or not, since the workspace goes
 * by them. */
struct forward_tuning {
    int warps;
    int warp_rows;
    int short_row_warps; /* tiles of no more rows than these warps have, 16 each, leave no row to the others */
    int chunk_keys;      /* as many as leave all sums in registers */
    int stages;          /* chunks of keys and values in shared memory: 1 only where copies go by way of registers */
    int decode_warps;
    int decode_keys; /* of a chunk */
    int blocks;      /* per processor */
    bool queries_in_registers;
    bool interleaved_values;   /* in an interleaved_tile */
    bool out_by_shared_memory; /* rows that threads hold too little of to store it directly */
};

/* As above, and so are tile_keys and chunk_rows. */
struct backward_tuning {
    int warps;
    int tile_keys;
    int chunk_rows;
    int score_warps;  /* of the grid for S and dP, for which chunks may be too small to give each warp 16 x 16 */
    int row_warps;    /* of these along rows; keys are shared by as many as are left, also in the grids for dK and dV */
    int dq_row_warps; /* of the grid for dQ */
    int stages;       /* chunks of rows in shared memory: as above */
    int blocks;       /* per processor */
    bool results_by_shared_memory; /* as above */
};

#include "platform/tuning.h"

#endif
