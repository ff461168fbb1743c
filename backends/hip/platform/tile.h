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
        return element(row, 0, column, 0);
    }

    /* Element (row + lane_row, column + lane_column). The first parts are the same for all lanes, and the numbers have
     * no bit in common with the second, so that few addresses serve all the pieces of a product. */
    GPU_DEVICE T *element(int row, int lane_row, int column, int lane_column) const
    {
        constexpr int inside = GROUP - 1;
        const int lane_part = (lane_column ^ tile_swizzle(lane_row)) & inside;
        const int swizzled = ((column ^ tile_swizzle(row)) & inside) ^ lane_part;
        return data + (row * DIM + (column & ~inside)) + (lane_row * DIM + swizzled);
    }
};

/* COUNT neighbouring elements of 16 bits, from an address in shared memory that is a multiple of their size. */
template <int COUNT> GPU_DEVICE void load_shared(uint32_t *words, const void *from)
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

template <typename T, int COUNT> GPU_DEVICE void store_shared(T *to, const float *values)
{
    if constexpr (COUNT == 1) {
        *(in_shared_memory<uint16_t> *)to = (uint16_t)element_pair<T>(values[0], 0.0f);
    } else {
        typedef uint32_t vector __attribute__((ext_vector_type(COUNT / 2)));
        vector words;
#pragma unroll
        for (int i = 0; i < COUNT / 2; i++)
            words[i] = element_pair<T>(values[2 * i], values[2 * i + 1]);
        *(in_shared_memory<vector> *)to = words;
    }
}

#endif
