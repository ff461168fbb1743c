/* Rows of a left matrix that a warp multiplies again and again: in shared memory, or where the platform has room for
 * them, in registers. */
#ifndef VARLEN_GPU_KEPT_ROWS_H
#define VARLEN_GPU_KEPT_ROWS_H

#include "platform.h"

#include <type_traits>

template <typename T, int ROWS, int DIM> struct shared_rows {
    shared_tile<T, DIM> tile;
    int32_t row;
};

template <bool IN_REGISTERS, typename T, int ROWS, int DIM>
using kept_rows = std::conditional_t<IN_REGISTERS, register_rows<T, ROWS, DIM>, shared_rows<T, ROWS, DIM>>;

template <typename T, int DIM, int ROWS, int COLUMNS>
GPU_DEVICE void multiply_rows(warp_sums<ROWS, COLUMNS> &sums, const shared_rows<T, ROWS, DIM> &a,
                              const shared_tile<T, DIM> &b, int b_row)
{
    multiply_rows(sums, a.tile, a.row, b, b_row);
}

#endif
