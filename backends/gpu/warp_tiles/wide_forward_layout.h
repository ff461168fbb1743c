/* How a block works on an item of the forward pass of wide heads: sizes, and what is where in shared memory. */
#ifndef VARLEN_GPU_WIDE_FORWARD_LAYOUT_H
#define VARLEN_GPU_WIDE_FORWARD_LAYOUT_H

#include "warp_tiles/forward_layout.h"
#include "warp_tiles/slab_ring.h"
#include "warp_tiles/warp_grid.h"
#include "warp_tiles/widened_ring.h"

/* One kernel, of all dims up to these, for one architecture: see tuning.h. Warps stand in one grid for scores, which
 * fewer of them may have than there are, and in another for each slab of out. QUANTIZED are keys and values. */
template <typename T_, int HEAD_DIM, int VALUE_DIM, int ARCHITECTURE_, bool QUANTIZED_ = false>
struct wide_forward_instance {
    using T = T_;
    static constexpr bool QUANTIZED = QUANTIZED_;
    using rule = general_rule;
    static constexpr wide_forward_tuning TUNING = wide_forward_tuning_of(ARCHITECTURE_);
    static constexpr int THREADS = TUNING.warps * warp_threads(ARCHITECTURE_);
    static constexpr int ROWS = TUNING.tile_rows;
    static constexpr int KEYS = TUNING.chunk_keys;
    static constexpr int COLUMNS = TUNING.slab_columns;
    using widened = widened_ring<T, THREADS, KEYS, COLUMNS>;
    static constexpr int STAGES = QUANTIZED ? widened::STAGES : TUNING.stages;
    static constexpr int HEAD_SLABS = slabs_of(HEAD_DIM, COLUMNS);
    static constexpr int VALUE_SLABS = slabs_of(VALUE_DIM, COLUMNS);
    static constexpr int KEY_WARPS = TUNING.key_warps;
    using scores = warp_grid<TUNING.score_row_warps * KEY_WARPS, ROWS, KEYS, TUNING.score_row_warps>;
    using out = warp_grid<TUNING.warps, ROWS, COLUMNS, TUNING.out_row_warps>;

    /* Shared memory: all slabs of q, the ring of slabs of keys and values, weights; of each row, what warps tell each
     * other; where keys and values are quantised, scales of a chunk and bytes of a slab. */
    using slab = shared_tile<T, COLUMNS>;
    using weight_tile = shared_tile<T, KEYS>;
    static constexpr int Q_BYTES = slab::bytes(ROWS);
    static constexpr int STAGE_BYTES = slab::bytes(KEYS);
    static constexpr int RING_PLACE = HEAD_SLABS * Q_BYTES;
    static constexpr int P_PLACE = RING_PLACE + STAGES * STAGE_BYTES;
    static constexpr int LARGEST_PLACE = P_PLACE + weight_tile::bytes(ROWS);
    static constexpr int FACTOR_PLACE = LARGEST_PLACE + KEY_WARPS * ROWS * (int)sizeof(float);
    static constexpr int SCALES_PLACE = FACTOR_PLACE + ROWS * (int)sizeof(float);
    static constexpr int BYTES_PLACE = SCALES_PLACE + (QUANTIZED ? (int)sizeof(chunk_scales<KEYS>) : 0);
    static constexpr int MEMORY_BYTES = BYTES_PLACE + (QUANTIZED ? widened::BYTES : 0);
    static constexpr int SHARED_BYTES = MEMORY_BYTES + (int)sizeof(forward_shared);
    static_assert(TUNING.warps <= FORWARD_WARPS && ROWS <= FORWARD_ROWS && ROWS <= THREADS, "a thread for each row");
    static_assert(SHARED_BYTES <= shared_memory_limit(ARCHITECTURE_), "a block's shared memory");
};

template <typename INSTANCE> struct wide_forward_memory {
    using T = typename INSTANCE::T;
    using slab = typename INSTANCE::slab;

    char *base;

    GPU_DEVICE slab q(int32_t number) const
    {
        return {(T *)(base + number * INSTANCE::Q_BYTES)};
    }
    GPU_DEVICE slab stage(int32_t number) const
    {
        return {(T *)(base + INSTANCE::RING_PLACE + number * INSTANCE::STAGE_BYTES)};
    }
    GPU_DEVICE typename INSTANCE::weight_tile p() const
    {
        return {(T *)(base + INSTANCE::P_PLACE)};
    }

    /* [ROWS], of each key warp: the largest scores of a chunk; at the end, sums of weights. */
    GPU_DEVICE float *of_key_warp(int32_t key_warp) const
    {
        return (float *)(base + INSTANCE::LARGEST_PLACE) + key_warp * INSTANCE::ROWS;
    }

    /* [ROWS]: what out is to be multiplied by. */
    GPU_DEVICE float *factors() const
    {
        return (float *)(base + INSTANCE::FACTOR_PLACE);
    }

    GPU_DEVICE chunk_scales<INSTANCE::KEYS> &scales() const
    {
        return *(chunk_scales<INSTANCE::KEYS> *)(base + INSTANCE::SCALES_PLACE);
    }

    /* Of quantised slabs, on their way. */
    GPU_DEVICE char *bytes() const
    {
        return base + INSTANCE::BYTES_PLACE;
    }
};

#endif
