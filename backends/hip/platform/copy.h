/* From global to shared memory by way of registers: see backends/gpu/platform.h. */
#ifndef VARLEN_HIP_COPY_H
#define VARLEN_HIP_COPY_H

#include "platform/device.h"

typedef uint32_t vector_16 __attribute__((ext_vector_type(4))); /* structs have no assignment between memories */

/* The address is given to the load as one of global memory: a load from memory of any kind would also wait for shared
 * memory. */
GPU_DEVICE words_16 load_global_16(const void *from, bool valid)
{
    if (!valid)
        return {{0, 0, 0, 0}};
    return __builtin_bit_cast(words_16, *(const in_global_memory<vector_16> *)from);
}

GPU_DEVICE void store_shared_16(void *to, const words_16 &words)
{
    *(in_shared_memory<vector_16> *)to = __builtin_bit_cast(vector_16, words);
}

GPU_DEVICE void copy_16(void *to, const void *from, bool valid = true)
{
    store_shared_16(to, load_global_16(from, valid));
}

GPU_DEVICE void copies_commit()
{
}

template <int GROUPS> GPU_DEVICE void copies_wait()
{
}

/* The loads are under way until finish() wants their words. */
template <int PIECES, bool HELD_BACK> struct copy_batch {
    words_16 words[PIECES];
    void *places[PIECES];

    GPU_DEVICE void copy(int number, void *to, const void *from, bool valid = true)
    {
        words[number] = load_global_16(from, valid);
        places[number] = to;
    }

    GPU_DEVICE void begun()
    {
    }

    template <int LATER> GPU_DEVICE void finish()
    {
#pragma unroll
        for (int number = 0; number < PIECES; number++)
            store_shared_16(places[number], words[number]);
    }
};

#endif
