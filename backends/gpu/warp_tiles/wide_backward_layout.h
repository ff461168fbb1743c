/* How a block works on an item of the backward pass of wide heads: sizes, and what is where in shared memory. */
#ifndef VARLEN_GPU_WIDE_BACKWARD_LAYOUT_H
#define VARLEN_GPU_WIDE_BACKWARD_LAYOUT_H

#include "warp_tiles/backward_layout.h"
#include "warp_tiles/slab_ring.h"

/* One kernel, of all dims up to these, for one architecture: see tuning.h. Warps stand in one grid for P and dS, which
 * fewer of them may have than there are, and in others for each slab of dK and dV, and of dQ. */
template <typename T_, int HEAD_DIM, int VALUE_DIM, int ARCHITECTURE_> struct wide_backward_instance {
    using T = T_;
    using rule = general_rule;
    static constexpr wide_backward_tuning TUNING = wide_backward_tuning_of(ARCHITECTURE_);
    static constexpr int THREADS = TUNING.warps * warp_threads(ARCHITECTURE_);
    static constexpr int KEYS = TUNING.tile_keys;
    static constexpr int ROWS = TUNING.chunk_rows;
    static constexpr int COLUMNS = TUNING.slab_columns;
    static constexpr int STAGES = TUNING.stages;
    static constexpr int HEAD_SLABS = slabs_of(HEAD_DIM, COLUMNS);
    static constexpr int VALUE_SLABS = slabs_of(VALUE_DIM, COLUMNS);
    using scores = warp_grid<TUNING.score_row_warps * TUNING.score_key_warps, ROWS, KEYS, TUNING.score_row_warps>;
    using dk = warp_grid<TUNING.warps, KEYS, COLUMNS, TUNING.key_warps>; /* and dv, of which this is a slab */
    using dq = warp_grid<TUNING.warps, ROWS, COLUMNS, TUNING.dq_row_warps>;

    /* Shared memory: a ring of slabs of keys or values, each with the slab of q or dout that it is multiplied by;
     * weights and their gradients; of two chunks of rows, statistics and where the rows are. */
    using key_tile = shared_tile<T, COLUMNS>;
    using value_tile = key_tile;
    using weight_tile = shared_tile<T, KEYS>;
    static constexpr int KEY_BYTES = key_tile::bytes(KEYS);
    static constexpr int STAGE_BYTES = KEY_BYTES + key_tile::bytes(ROWS);
    static constexpr int P_PLACE = STAGES * STAGE_BYTES;
    static constexpr int DS_PLACE = P_PLACE + weight_tile::bytes(ROWS);
    static constexpr int STATISTICS_PLACE = DS_PLACE + weight_tile::bytes(ROWS);
    static constexpr int ROWS_PLACE = STATISTICS_PLACE + 2 * 2 * ROWS * (int)sizeof(float);
    static constexpr int ITEM_PLACE = ROWS_PLACE + 2 * 2 * ROWS * (int)sizeof(char *);
    static constexpr int SHARED_BYTES = ITEM_PLACE + (int)sizeof(backward_item) + 2 * (int)sizeof(gpu_key_rows);
    static constexpr int FINISH_BYTES = THREADS * (int)sizeof(float); /* what dsinks are summed in */
    static_assert(ROWS <= THREADS, "a thread for each row");
    static_assert(SHARED_BYTES <= shared_memory_limit(ARCHITECTURE_), "a block's shared memory");
};

/* Two chunks of rows are known at a time: the one that is multiplied, and the one that is copied next. */
enum { KNOWN_CHUNKS = 2 };

template <typename INSTANCE> struct wide_backward_memory : backward_memory<INSTANCE> {
    using T = typename INSTANCE::T;
    using slab = typename INSTANCE::key_tile;

    GPU_DEVICE slab keys(int32_t stage) const
    {
        return {(T *)(this->base + stage * INSTANCE::STAGE_BYTES)};
    }
    GPU_DEVICE slab rows(int32_t stage) const
    {
        return {(T *)(this->base + stage * INSTANCE::STAGE_BYTES + INSTANCE::KEY_BYTES)};
    }

    /* [ROWS]: the rows of q, and of dout. */
    GPU_DEVICE const char **q_rows(int32_t known) const
    {
        return (const char **)(this->base + INSTANCE::ROWS_PLACE) + known * 2 * INSTANCE::ROWS;
    }
    GPU_DEVICE const char **dout_rows(int32_t known) const
    {
        return q_rows(known) + INSTANCE::ROWS;
    }

    GPU_DEVICE gpu_key_rows &key_rows() const
    {
        return *(gpu_key_rows *)(this->base + INSTANCE::ITEM_PLACE + sizeof(backward_item));
    }
    GPU_DEVICE gpu_key_rows &value_rows() const
    {
        return (&key_rows())[1];
    }
};

#endif
