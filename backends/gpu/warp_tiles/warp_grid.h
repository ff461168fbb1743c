/* How warps share a matrix. */
#ifndef VARLEN_GPU_WARP_GRID_H
#define VARLEN_GPU_WARP_GRID_H

#include "platform.h"

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

#endif
