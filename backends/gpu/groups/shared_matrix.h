/* Matrices in shared memory, as tensor copies write them and as products of a warp group read them.
 *
 * A matrix is a row of panels, each as wide as the swizzle: SWIZZLE / sizeof(T) columns, which a tensor copy of a box
 * that wide fills. A panel's rows follow each other without a gap. The 16-byte pieces of a row change places with the
 * number of the 128 bytes that they lie in, so that pieces of one column lie in different banks:
 *
 *     swizzle  row of a panel   piece p of row r is at place
 *     128      128 bytes        p ^ r % 8
 *      64       64 bytes        p ^ r / 2 % 4
 *      32       32 bytes        p ^ r / 4 % 2 */
#ifndef VARLEN_GPU_SHARED_MATRIX_H
#define VARLEN_GPU_SHARED_MATRIX_H

#include "groups/matrix_descriptor.h"

/* The widest that rows of so many bytes are whole panels of. */
constexpr int widest_swizzle(int row_bytes)
{
    return row_bytes % 128 == 0 ? 128 : row_bytes % 64 == 0 ? 64 : 32;
}

template <typename T, int ROWS_, int COLUMNS_, int SWIZZLE_ = widest_swizzle(COLUMNS_ *(int)sizeof(T))>
struct shared_matrix {
    static constexpr int ROWS = ROWS_;
    static constexpr int COLUMNS = COLUMNS_;
    static constexpr int SWIZZLE = SWIZZLE_;
    static constexpr int PANEL = SWIZZLE / (int)sizeof(T); /* columns */
    static constexpr int PANELS = COLUMNS / PANEL;
    static constexpr int PANEL_BYTES = ROWS * SWIZZLE;
    static constexpr int BYTES = PANELS * PANEL_BYTES;
    static constexpr int ALIGNMENT = 8 * SWIZZLE; /* of data: the pattern goes by addresses, and has 8 rows */
    static_assert(SWIZZLE == 128 || SWIZZLE == 64 || SWIZZLE == 32, "there are these three patterns");
    static_assert(ROWS % 8 == 0 && COLUMNS % PANEL == 0, "made of whole patterns");
    using element = T;

    T *data;

    /* Where the columns from n * PANEL on are: the destination, or source, of a tensor copy. */
    GPU_DEVICE T *panel(int n) const
    {
        return data + n * (PANEL_BYTES / (int)sizeof(T));
    }

    /* 8 elements of 16 bits from a column that is a multiple of 8. */
    GPU_DEVICE T *piece(int row, int column) const
    {
        const uint32_t byte = (uint32_t)row * SWIZZLE + (uint32_t)column % PANEL * (uint32_t)sizeof(T);
        const uint32_t swizzled = byte ^ (byte / 128 % (SWIZZLE / 16)) * 16;
        return panel((int)((uint32_t)column / PANEL)) + swizzled / (uint32_t)sizeof(T);
    }
};

/* A matrix as one side of a product, whose vectors (rows of the left, columns of the right) are rows of the matrix;
 * steps go along them. */
template <typename MATRIX> struct operand_by_rows {
    static constexpr bool TRANSPOSED = false;
    static constexpr uint64_t DESCRIPTOR = descriptor_of({MATRIX::SWIZZLE, 16, 8 * MATRIX::SWIZZLE});
    static constexpr int VECTORS = MATRIX::ROWS;
    static constexpr int VECTOR_UNIT = 8; /* a product has a multiple of so many */
    static constexpr int STEPS = MATRIX::COLUMNS;
    using element = typename MATRIX::element;

    MATRIX matrix;
    int row;
    int column;

    /* Bytes from matrix.data to step `step` of 16. */
    GPU_DEVICE int offset(int step) const
    {
        const int first = column + 16 * step;
        return first / MATRIX::PANEL * MATRIX::PANEL_BYTES + row * MATRIX::SWIZZLE +
               first % MATRIX::PANEL * (int)sizeof(element);
    }
};

/* The same with vectors that are columns of the matrix. */
template <typename MATRIX> struct operand_by_columns {
    static constexpr bool TRANSPOSED = true;
    static constexpr uint64_t DESCRIPTOR = descriptor_of({MATRIX::SWIZZLE, MATRIX::PANEL_BYTES, 8 * MATRIX::SWIZZLE});
    static constexpr int VECTORS = MATRIX::COLUMNS;
    static constexpr int VECTOR_UNIT = MATRIX::PANEL;
    static constexpr int STEPS = MATRIX::ROWS;
    using element = typename MATRIX::element;

    MATRIX matrix;
    int row;
    int column;

    GPU_DEVICE int offset(int step) const
    {
        return column / MATRIX::PANEL * MATRIX::PANEL_BYTES + (row + 16 * step) * MATRIX::SWIZZLE;
    }
};

/* From (row, column) of the matrix on: row a multiple of 8, column of 16. */
template <typename MATRIX> GPU_DEVICE operand_by_rows<MATRIX> by_rows(const MATRIX &matrix, int row = 0, int column = 0)
{
    return {matrix, row, column};
}

/* From (row, column) on: row a multiple of 8, column of PANEL. */
template <typename MATRIX>
GPU_DEVICE operand_by_columns<MATRIX> by_columns(const MATRIX &matrix, int row = 0, int column = 0)
{
    return {matrix, row, column};
}

#endif
