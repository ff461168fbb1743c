/* Between rows and panels: a row of the one is a column of the other. */
#ifndef VARLEN_CPU_TRANSPOSE_H
#define VARLEN_CPU_TRANSPOSE_H

#include <stdint.h>
#include <string.h>

enum { TRANSPOSE_BLOCK = 4 };

typedef float transpose_row __attribute__((vector_size(16)));

static inline transpose_row transpose_load(const float *address)
{
    transpose_row row;
    memcpy(&row, address, sizeof row);
    return row;
}

static inline void transpose_store(float *address, transpose_row row)
{
    memcpy(address, &row, sizeof row);
}

static inline void transpose_block(float *to, int64_t to_stride, const float *from, int64_t from_stride)
{
    transpose_row a = transpose_load(from);
    transpose_row b = transpose_load(from + from_stride);
    transpose_row c = transpose_load(from + 2 * from_stride);
    transpose_row d = transpose_load(from + 3 * from_stride);
    transpose_row ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    transpose_row ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    transpose_row cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    transpose_row cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    transpose_store(to, __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5));
    transpose_store(to + to_stride, __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7));
    transpose_store(to + 2 * to_stride, __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
    transpose_store(to + 3 * to_stride, __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}

/* to[column][row] = from[row][column]; rows and columns are rounded up to TRANSPOSE_BLOCK. */
static inline void transpose(float *to, int64_t to_stride, const float *from, int64_t from_stride, int32_t rows,
                             int32_t columns)
{
    for (int32_t row = 0; row < rows; row += TRANSPOSE_BLOCK)
        for (int32_t column = 0; column < columns; column += TRANSPOSE_BLOCK)
            transpose_block(to + column * to_stride + row, to_stride, from + row * from_stride + column, from_stride);
}

#endif
