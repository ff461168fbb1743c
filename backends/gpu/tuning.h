/* How large a kernel's pieces of work are. Each platform has tables of these in platform/tuning.h: a row for each
 * architecture that is tuned by itself, for each size that dims are rounded up to, for each pass. They change speed,
 * and results in their last bits.
 *
 *     FORWARD_ROWS            of a tile, at most
 *     FORWARD_TUNINGS[]
 *     BACKWARD_TUNINGS[]
 *     WIDE_FORWARD_TUNINGS[]  of kernels of any dims, which take what the others do not
 *     WIDE_BACKWARD_TUNINGS[]
 *     PLAN_TUNING */
#ifndef VARLEN_GPU_TUNING_H
#define VARLEN_GPU_TUNING_H

#include "architecture.h"

/* Prefill tiles have warps x warp_rows rows, each warp its own; warps of a decode tile share its DECODE_TILE_ROWS rows
 * and take a part each of a chunk's keys. General kernels, and those that are not, have the same: the workspace goes by
 * them. */
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

/* As above, but for the blocks of general kernels. */
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

struct forward_row {
    int architecture;
    int head_dim;
    int value_dim;
    forward_tuning tuning;
};

struct backward_row {
    int architecture;
    int head_dim;
    int value_dim;
    backward_tuning tuning;
    int general_blocks; /* in place of `blocks` */
};

/* Rows come in slabs of columns: see warp_tiles/slab_ring.h. Score warps have a grid of their own, all have the others.
 */
struct wide_forward_tuning {
    int warps;
    int tile_rows;
    int chunk_keys;
    int slab_columns;
    int score_row_warps;
    int key_warps; /* that share the scores of a row */
    int out_row_warps;
    int stages;
};

struct wide_backward_tuning {
    int warps;
    int tile_keys;
    int chunk_rows;
    int slab_columns;
    int score_row_warps;
    int score_key_warps;
    int key_warps;    /* of the grid for slabs of dK and dV */
    int dq_row_warps; /* of the grid for slabs of dQ */
    int stages;
};

struct wide_forward_row {
    int architecture;
    wide_forward_tuning tuning;
};

struct wide_backward_row {
    int architecture;
    wide_backward_tuning tuning;
};

/* How batches are cut, for all kernels of a platform. */
struct plan_tuning {
    int decode_rows;           /* sequences of so many rows at most, facing more than */
    int decode_keys;           /* keys, are decoded: small tiles, keys split. So are those of one small tile */
    int split_shortest;        /* no part of keys is shorter, unless it is the last */
    int split_invariant;       /* keys per part where a sequence's bits must not depend on the batch, */
    int split_parts_invariant; /* as long as that makes no more parts than these */
    int items_per_block;       /* of the grid: as many as keep it busy to the end */
    int small_batch_keys;      /* of all sequences: splitting fewer gains less than planning costs */
    int small_batch_rows;      /* of one kv head, that a block of threads prepares no slower than a kernel more takes */
};

#include "platform/tuning.h"

/* The number of a row; one behind the last where there is none, which does not compile. */
template <typename ROW, int COUNT>
constexpr int find_tuning(const ROW (&rows)[COUNT], int architecture, int head_dim, int value_dim)
{
    const int tuned_as = find_architecture(architecture)->tuned_as;
    int found = 0;
    while (found < COUNT && (rows[found].architecture != tuned_as || rows[found].head_dim != head_dim ||
                             rows[found].value_dim != value_dim))
        found++;
    return found;
}

constexpr forward_tuning forward_tuning_of(int head_dim, int value_dim, int architecture)
{
    return FORWARD_TUNINGS[find_tuning(FORWARD_TUNINGS, architecture, head_dim, value_dim)].tuning;
}

constexpr backward_tuning backward_tuning_of(int head_dim, int value_dim, int architecture, bool general)
{
    const backward_row row = BACKWARD_TUNINGS[find_tuning(BACKWARD_TUNINGS, architecture, head_dim, value_dim)];
    backward_tuning tuning = row.tuning;
    tuning.blocks = general ? row.general_blocks : tuning.blocks;
    return tuning;
}

/* The row of what an architecture is tuned as. */
template <typename ROW, int COUNT> constexpr const ROW &find_wide_tuning(const ROW (&rows)[COUNT], int architecture)
{
    int found = 0;
    while (rows[found].architecture != find_architecture(architecture)->tuned_as)
        found++;
    return rows[found];
}

constexpr wide_forward_tuning wide_forward_tuning_of(int architecture)
{
    return find_wide_tuning(WIDE_FORWARD_TUNINGS, architecture).tuning;
}

constexpr wide_backward_tuning wide_backward_tuning_of(int architecture)
{
    return find_wide_tuning(WIDE_BACKWARD_TUNINGS, architecture).tuning;
}

/* Matrix units take 16 x 16. What depends on the sizes of elements is asserted where shared memory is laid out. */
constexpr bool is_sound(const forward_tuning &tuning)
{
    return tuning.warps > 0 && tuning.warp_rows % 16 == 0 && tuning.warps * tuning.warp_rows <= FORWARD_ROWS &&
           tuning.short_row_warps > 0 && tuning.short_row_warps <= tuning.warps && tuning.chunk_keys % 16 == 0 &&
           (tuning.stages == 1 || tuning.stages == 2) && tuning.decode_warps > 0 &&
           tuning.decode_warps <= tuning.warps && tuning.decode_keys % (16 * tuning.decode_warps) == 0 &&
           tuning.blocks > 0;
}

constexpr bool is_sound(const backward_tuning &tuning)
{
    return tuning.warps > 0 && tuning.score_warps > 0 && tuning.score_warps <= tuning.warps && tuning.row_warps > 0 &&
           tuning.score_warps % tuning.row_warps == 0 && tuning.chunk_rows % (16 * tuning.row_warps) == 0 &&
           tuning.tile_keys % (16 * (tuning.score_warps / tuning.row_warps)) == 0 && tuning.dq_row_warps > 0 &&
           tuning.warps % tuning.dq_row_warps == 0 && tuning.chunk_rows % (16 * tuning.dq_row_warps) == 0 &&
           (tuning.stages == 1 || tuning.stages == 2) && tuning.blocks > 0;
}

/* Also that architectures are tuned as one that has rows. */
template <typename ROW, int COUNT> constexpr bool are_sound(const ROW (&rows)[COUNT])
{
    for (const ROW &row : rows) {
        if (!is_sound(row.tuning))
            return false;
        for (const gpu_architecture &architecture : GPU_ARCHITECTURES)
            if (find_tuning(rows, architecture.number, row.head_dim, row.value_dim) == COUNT)
                return false;
    }
    return true;
}

static_assert(are_sound(FORWARD_TUNINGS) && are_sound(BACKWARD_TUNINGS), "every row, for every architecture");
static_assert(PLAN_TUNING.decode_rows % 16 == 0 && PLAN_TUNING.split_shortest <= PLAN_TUNING.split_invariant &&
                  PLAN_TUNING.items_per_block > 0,
              "the plan's sizes");

#endif
