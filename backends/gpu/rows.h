/* The rows of a tile: query rows of one kv head, its group's heads side by side, and keys.
 *
 * Row r of a sequence and kv head is query r / group, head r % group of the group: keys are read once for all heads of
 * a group, and the triangle that a causal mask leaves empty at the edge is as narrow as it can be. */
#ifndef VARLEN_GPU_ROWS_H
#define VARLEN_GPU_ROWS_H

#include "sequence.h"

struct query_row {
    int32_t query; /* counted in the sequence */
    int32_t head;  /* query head */
};

GPU_DEVICE query_row query_row_at(const gpu_problem &problem, int32_t kv_head, int32_t row)
{
    quotient_and_rest place = divide_with_rest(row, problem.group);
    return {place.quotient, kv_head * (int32_t)problem.group.divisor + place.rest};
}

GPU_DEVICE char *query_row_address(const gpu_problem &problem, const gpu_tensor &tensor, const gpu_sequence &sequence,
                                   int32_t kv_head, int32_t row)
{
    query_row place = query_row_at(problem, kv_head, row);
    return tensor_row(tensor, (int64_t)sequence.first_query + place.query, place.head);
}

/* Begins to copy ROWS rows into a tile: `address(row)` of the first `count`, zeros for the others and past `dim`. */
template <int THREADS, int ROWS, typename T, int DIM, typename ADDRESS>
GPU_DEVICE void copy_rows(const shared_tile<T, DIM> &tile, int32_t count, int32_t dim, ADDRESS address)
{
    constexpr int pieces = 8; /* of 16 bytes, side by side: whole lines of memory */
    constexpr int rows_at_once = THREADS / pieces;
    static_assert(ROWS % rows_at_once == 0 || rows_at_once % ROWS == 0, "rows are shared evenly");
    const int column = thread_index() % pieces * 8;
#pragma unroll
    for (int row = thread_index() / pieces; row < ROWS; row += rows_at_once) {
        const char *from = row < count ? address(row) : nullptr;
#pragma unroll
        for (int group = 0; group < DIM; group += pieces * 8) {
            bool valid = row < count && group + column < dim;
            copy_16(tile.piece(row, group + column), valid ? from + (group + column) * (int)sizeof(T) : nullptr, valid);
        }
    }
}

template <int THREADS, int ROWS, typename T, int DIM>
GPU_DEVICE void copy_keys(const shared_tile<T, DIM> &tile, const gpu_key_rows &rows, int32_t first, int32_t end,
                          int32_t dim)
{
    copy_rows<THREADS, ROWS>(tile, end - first, dim, [&](int32_t row) { return key_row(rows, first + row); });
}

#endif
