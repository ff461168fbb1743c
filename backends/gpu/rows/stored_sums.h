/* Sums that leave a warp for rows in global memory, without going by way of shared memory. */
#ifndef VARLEN_GPU_STORED_SUMS_H
#define VARLEN_GPU_STORED_SUMS_H

#include "platform.h"

/* A run of one, two or four elements, rounded to T. */
template <typename T, int RUN> GPU_DEVICE void store_run(char *to, const float *run)
{
    if constexpr (RUN == 1) {
        *(uint16_t *)to = (uint16_t)element_pair<T>(run[0], 0.0f);
    } else {
        struct alignas(RUN * 2) words {
            uint32_t word[RUN / 2];
        } rounded;
#pragma unroll
        for (int i = 0; i < RUN / 2; i++)
            rounded.word[i] = element_pair<T>(run[2 * i], run[2 * i + 1]);
        *(words *)to = rounded;
    }
}

/* Rows below `rows`, to address(row), as far as `dim`. */
template <typename T, int ROWS, int COLUMNS, typename ADDRESS>
GPU_DEVICE void store_sums_to_rows(warp_sums<ROWS, COLUMNS> &sums, int32_t rows, int32_t dim, ADDRESS address)
{
    using type = warp_sums<ROWS, COLUMNS>;
    char *to[type::SLOTS];
#pragma unroll
    for (int slot = 0; slot < type::SLOTS; slot++)
        to[slot] = sums.slot_row(slot) < rows ? (char *)address(sums.slot_row(slot)) : nullptr;
    sums.for_each_run([&](int slot, int column, float *run) {
        if (to[slot] && column < dim)
            store_run<T, type::RUN>(to[slot] + column * (int)sizeof(T), run);
    });
}

#endif
