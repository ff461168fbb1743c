/* How a block works on an item of the backward pass: sizes, and what is where in shared memory. */
#ifndef VARLEN_GPU_BACKWARD_LAYOUT_H
#define VARLEN_GPU_BACKWARD_LAYOUT_H

#include "call/score_rule.h"
#include "plan/backward_arguments.h"
#include "platform.h"
#include "tuning.h"
#include "warp_tiles/warp_grid.h"

/* One kernel, for one architecture: see tuning.h. */
template <typename T_, int HEAD_DIM_, int VALUE_DIM_, bool GENERAL, int ARCHITECTURE_> struct backward_instance {
    using T = T_;
    static constexpr int HEAD_DIM = HEAD_DIM_;
    static constexpr int VALUE_DIM = VALUE_DIM_;
    using rule = score_rule<GENERAL>;
    static constexpr backward_tuning TUNING = backward_tuning_of(HEAD_DIM, VALUE_DIM, ARCHITECTURE_, GENERAL);
    static constexpr int THREADS = TUNING.warps * warp_threads(ARCHITECTURE_);
    static constexpr int KEYS = TUNING.tile_keys;
    static constexpr int ROWS = TUNING.chunk_rows;
    /* Keys are shared alike in all three grids; where all warps have scores, by the same ones: few numbers to keep. */
    static constexpr int KEY_WARPS = TUNING.score_warps / TUNING.row_warps;
    using scores = warp_grid<TUNING.score_warps, ROWS, KEYS, TUNING.row_warps>;
    using dk = warp_grid<TUNING.warps, KEYS, HEAD_DIM, KEY_WARPS, true>;
    using dv = warp_grid<TUNING.warps, KEYS, VALUE_DIM, KEY_WARPS, true>;
    using dq = warp_grid<TUNING.warps, ROWS, HEAD_DIM, TUNING.dq_row_warps>;

    /* Shared memory: keys and values, which make way for dk and dv; one or two chunks of rows, of which the one in use
     * makes way for dq; weights and their gradients. */
    using key_tile = shared_tile<T, HEAD_DIM>;
    using value_tile = shared_tile<T, VALUE_DIM>;
    using weight_tile = shared_tile<T, KEYS>;
    static constexpr int STAGES = TUNING.stages;
    static constexpr int Q_BYTES = key_tile::bytes(ROWS);
    static constexpr int DOUT_BYTES = value_tile::bytes(ROWS);
    static constexpr int K_PLACE = 0;
    static constexpr int V_PLACE = K_PLACE + key_tile::bytes(KEYS);
    static constexpr int Q_PLACE = V_PLACE + value_tile::bytes(KEYS);
    static constexpr int DOUT_PLACE = Q_PLACE + STAGES * Q_BYTES;
    static constexpr int P_PLACE = DOUT_PLACE + STAGES * DOUT_BYTES;
    static constexpr int DS_PLACE = P_PLACE + weight_tile::bytes(ROWS);
    static constexpr int STATISTICS_PLACE = DS_PLACE + weight_tile::bytes(ROWS);
    static constexpr int ITEM_PLACE = STATISTICS_PLACE + STAGES * 2 * ROWS * (int)sizeof(float);
    static constexpr int SHARED_BYTES = ITEM_PLACE + (int)sizeof(backward_item);
    static_assert(SHARED_BYTES <= shared_memory_limit(ARCHITECTURE_), "a block's shared memory");
    static_assert(!TUNING.results_by_shared_memory || STAGES > 1, "dq takes the place of rows that have been used");
    /* What finish_kernel needs: a chunk of dq, or what dsinks are summed in. */
    static constexpr int FINISH_BYTES = TUNING.results_by_shared_memory ? Q_BYTES : THREADS * (int)sizeof(float);
};

template <typename INSTANCE> struct backward_memory {
    using T = typename INSTANCE::T;

    char *base;

    GPU_DEVICE typename INSTANCE::key_tile k() const
    {
        return {(T *)(base + INSTANCE::K_PLACE)};
    }
    GPU_DEVICE typename INSTANCE::value_tile v() const
    {
        return {(T *)(base + INSTANCE::V_PLACE)};
    }
    GPU_DEVICE typename INSTANCE::key_tile q(int stage) const
    {
        return {(T *)(base + INSTANCE::Q_PLACE + stage * INSTANCE::Q_BYTES)};
    }
    GPU_DEVICE typename INSTANCE::value_tile dout(int stage) const
    {
        return {(T *)(base + INSTANCE::DOUT_PLACE + stage * INSTANCE::DOUT_BYTES)};
    }
    GPU_DEVICE typename INSTANCE::weight_tile p() const
    {
        return {(T *)(base + INSTANCE::P_PLACE)};
    }
    GPU_DEVICE typename INSTANCE::weight_tile ds() const
    {
        return {(T *)(base + INSTANCE::DS_PLACE)};
    }

    /* lse of the rows, then delta. */
    GPU_DEVICE float *statistics(int stage) const
    {
        return (float *)(base + INSTANCE::STATISTICS_PLACE) + stage * 2 * INSTANCE::ROWS;
    }
};

/* Where one of an item's chunks is. */
template <typename INSTANCE> GPU_DEVICE int stage_of(const backward_item &item, int32_t chunk)
{
    return (chunk - item.first_chunk) % INSTANCE::STAGES;
}

template <typename INSTANCE> GPU_DEVICE int32_t rows_of_chunk(const backward_item &item, int32_t chunk)
{
    return smaller((int32_t)INSTANCE::ROWS, item.rows - chunk * INSTANCE::ROWS);
}

#endif
