/* Tiles of matrices in shared memory: see backends/gpu/platform.h. */
#ifndef VARLEN_HIP_TILE_H
#define VARLEN_HIP_TILE_H

#include "platform/copy.h"

/* What the pieces of a row are shifted by. Any three neighbouring bits of the row's number make eight different ones,
 * so that eight lanes on rows 1, 2 or 4 apart read from all 32 banks. */
constexpr int tile_swizzle(int row)
{
    return ((row ^ (row >> 3)) & 7) * 8;
}

/* The address whose number differs by `elements`, all below 64, in the place of its piece. */
template <typename T> GPU_DEVICE in_shared_memory<T> *swizzled(T *address, int elements)
{
    const uint32_t number = (uint32_t)(uintptr_t)(in_shared_memory<T> *)address;
    return (in_shared_memory<T> *)(uintptr_t)(number ^ (uint32_t)elements * (uint32_t)sizeof(T));
}

template <typename T, int DIM> struct shared_tile {
    static_assert(DIM % 32 == 0, "rows are whole groups of four pieces");
    static constexpr int GROUP = DIM % 64 == 0 ? 64 : 32; /* elements among which pieces change places */
    T *data;

    static constexpr int bytes(int rows)
    {
        return rows * DIM * (int)sizeof(T);
    }

    GPU_DEVICE T *piece(int row, int column) const
    {
        constexpr int inside = GROUP - 1;
        return data + row * DIM + (column & ~inside) + ((column ^ tile_swizzle(row)) & inside);
    }

    /* Element (row + lane_row, column + lane_column). The first parts are the same for all lanes, and the numbers have
     * no bit in common with the second, so that an instruction at most separates the addresses of a product's pieces.
     */
    GPU_DEVICE in_shared_memory<T> *element(int row, int lane_row, int column, int lane_column) const
    {
        constexpr int inside = GROUP - 1;
        const int lane_part = lane_row * DIM + ((lane_column ^ tile_swizzle(lane_row)) & inside);
        return swizzled(data + lane_part, (column ^ tile_swizzle(row)) & inside) + (row * DIM + (column & ~inside));
    }
};

/* The same for rows that are interleaved by fours: rows of `data` are four of the tile, a piece is two columns of them.
 * Lanes that read neighbouring squares of four columns, in rows of data four apart, reach all banks. */
template <typename T, int DIM> struct interleaved_tile {
    static_assert(DIM % 64 == 0, "rows are whole groups of squares");
    static constexpr int ROWS = 4;
    static constexpr int GROUP = 64;
    T *data;

    static constexpr int bytes(int rows)
    {
        return rows * DIM * (int)sizeof(T);
    }

    static constexpr int swizzle(int four, int element)
    {
        return ((four >> 2 << 1) ^ (element / GROUP & 3)) % 8 * 8;
    }

    GPU_DEVICE T *piece(int row, int column) const
    {
        const int element = column * ROWS;
        return data + row * DIM + (element ^ swizzle(row / ROWS, element));
    }

    /* Columns column + lane_column and the next, in rows row + lane_row .. + 3; columns are counted from a multiple of
     * 64. */
    GPU_DEVICE in_shared_memory<T> *element(int row, int lane_row, int column, int lane_column) const
    {
        const int lane_element = lane_column * ROWS;
        const int lane_part = lane_row * DIM + (lane_element ^ swizzle(lane_row / ROWS, lane_element));
        constexpr int inside = GROUP - 1;
        const int element = column * ROWS;
        return swizzled(data + lane_part, (element ^ swizzle(row / ROWS, element)) & inside) +
               (row * DIM + (element & ~inside));
    }
};

/* COUNT neighbouring elements of 16 bits, from an address in shared memory that is a multiple of their size. */
template <int COUNT, typename T> GPU_DEVICE void load_shared(uint32_t *words, const in_shared_memory<T> *from)
{
    if constexpr (COUNT == 1) {
        words[0] = *(const in_shared_memory<uint16_t> *)from;
    } else {
        typedef uint32_t vector __attribute__((ext_vector_type(COUNT / 2)));
        const vector loaded = *(const in_shared_memory<vector> *)from;
#pragma unroll
        for (int i = 0; i < COUNT / 2; i++)
            words[i] = loaded[i];
    }
}

/* Two elements of an operand that is made of sums. Ties go away from zero, which takes an instruction less than ties to
 * even. */
template <typename T> GPU_DEVICE uint32_t operand_pair(float low, float high);

template <> GPU_DEVICE uint32_t operand_pair<float16>(float low, float high)
{
    return element_pair<float16>(low, high);
}

template <> GPU_DEVICE uint32_t operand_pair<bfloat16>(float low, float high)
{
    constexpr uint32_t half = 0x8000;
    return upper_halves(__builtin_bit_cast(uint32_t, low) + half, __builtin_bit_cast(uint32_t, high) + half);
}

template <int COUNT, typename T> GPU_DEVICE void store_shared(in_shared_memory<T> *to, const float *values)
{
    if constexpr (COUNT == 1) {
        *(in_shared_memory<uint16_t> *)to = (uint16_t)operand_pair<T>(values[0], 0.0f);
    } else {
        typedef uint32_t vector __attribute__((ext_vector_type(COUNT / 2)));
        vector words;
#pragma unroll
        for (int i = 0; i < COUNT / 2; i++)
            words[i] = operand_pair<T>(values[2 * i], values[2 * i + 1]);
        *(in_shared_memory<vector> *)to = words;
    }
}

#endif
