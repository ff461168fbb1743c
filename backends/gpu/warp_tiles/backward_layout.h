/* How a block of threads works on a tile of the backward pass: sizes, the warps' grids, shared memory. */
#ifndef VARLEN_GPU_BACKWARD_LAYOUT_H
#define VARLEN_GPU_BACKWARD_LAYOUT_H

#include "plan/backward_plan.h"
#include "tuning.h"
#include "warp_tiles/tile_copies.h"

/* A matrix of ROWS x COLUMNS, shared among warps that stand in ROW_WARPS x (WARPS / ROW_WARPS), counted along the rows
 * or along the columns. */
template <int WARPS, int ROWS, int COLUMNS, int ROW_WARPS, bool ALONG_COLUMNS = false> struct warp_grid {
    static_assert(WARPS % ROW_WARPS == 0 && ROWS % ROW_WARPS == 0, "warps share rows evenly");
    static constexpr int THREADS = WARPS * WARP;
    static constexpr int WARP_ROWS = ROWS / ROW_WARPS;
    static constexpr int WARP_COLUMNS = COLUMNS / (WARPS / ROW_WARPS);
    static_assert(WARP_COLUMNS * (WARPS / ROW_WARPS) == COLUMNS, "and columns");
    using sums = warp_sums<WARP_ROWS, WARP_COLUMNS>;

    GPU_DEVICE static int row()
    {
        const int warp = thread_index() / WARP;
        return (ALONG_COLUMNS ? warp / (WARPS / ROW_WARPS) : warp % ROW_WARPS) * WARP_ROWS;
    }

    GPU_DEVICE static int column()
    {
        const int warp = thread_index() / WARP;
        return (ALONG_COLUMNS ? warp % (WARPS / ROW_WARPS) : warp / ROW_WARPS) * WARP_COLUMNS;
    }
};

/* One kernel, for one architecture: see tuning.h. */
template <typename T_, int HEAD_DIM_, int VALUE_DIM_, bool GENERAL_, int ARCHITECTURE_> struct backward_instance {
    using T = T_;
    static constexpr int HEAD_DIM = HEAD_DIM_;
    static constexpr int VALUE_DIM = VALUE_DIM_;
    static constexpr bool GENERAL = GENERAL_;
    static constexpr backward_tuning TUNING = backward_tuning_of(HEAD_DIM, VALUE_DIM, ARCHITECTURE_, GENERAL);
    static constexpr int THREADS = TUNING.warps * warp_threads(ARCHITECTURE_);
    static constexpr int KEYS = TUNING.tile_keys;
    static constexpr int ROWS = TUNING.block_rows;
    /* Keys are shared alike in all three grids; where all warps have scores, by the same ones: few numbers to keep. */
    static constexpr int KEY_WARPS = TUNING.score_warps / TUNING.row_warps;
    using scores = warp_grid<TUNING.score_warps, ROWS, KEYS, TUNING.row_warps>;
    using dk = warp_grid<TUNING.warps, KEYS, HEAD_DIM, KEY_WARPS, true>;
    using dv = warp_grid<TUNING.warps, KEYS, VALUE_DIM, KEY_WARPS, true>;
    using dq = warp_grid<TUNING.warps, ROWS, HEAD_DIM, TUNING.dq_row_warps>;

    /* Shared memory: keys and values, which make way for dk and dv; one or two blocks of rows, of which the one in use
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
    /* What finish_kernel needs: a block of dq, or what dsinks are summed in. */
    static constexpr int FINISH_BYTES = TUNING.results_by_shared_memory ? Q_BYTES : THREADS * (int)sizeof(float);
};

#endif
