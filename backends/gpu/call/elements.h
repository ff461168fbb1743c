/* Eight neighbouring elements of a row, as floats. */
#ifndef VARLEN_GPU_ELEMENTS_H
#define VARLEN_GPU_ELEMENTS_H

#include "platform/device.h"

template <typename T> struct elements_8 {
    T at[8];
};

template <typename T> GPU_DEVICE void load_elements(float (&values)[8], const char *address)
{
    constexpr int words = (int)sizeof(elements_8<T>) / 16;
    words_16 loaded[words];
#pragma unroll
    for (int i = 0; i < words; i++)
        loaded[i] = load_16(address + i * 16);
    elements_8<T> elements;
    __builtin_memcpy(&elements, loaded, sizeof elements);
#pragma unroll
    for (int i = 0; i < 8; i++)
        values[i] = to_float(elements.at[i]);
}

template <typename T> GPU_DEVICE void store_elements(char *address, const float (&values)[8])
{
    constexpr int words = (int)sizeof(elements_8<T>) / 16;
    elements_8<T> elements;
#pragma unroll
    for (int i = 0; i < 8; i++)
        elements.at[i] = from_float<T>(values[i]);
    words_16 stored[words];
    __builtin_memcpy(stored, &elements, sizeof elements);
#pragma unroll
    for (int i = 0; i < words; i++)
        store_16(address + i * 16, stored[i]);
}

#endif
