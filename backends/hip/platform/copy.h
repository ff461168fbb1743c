/* From global to shared memory by way of registers: see backends/gpu/platform.h. */
#ifndef VARLEN_HIP_COPY_H
#define VARLEN_HIP_COPY_H

#include "platform/device.h"

typedef uint32_t vector_16 __attribute__((ext_vector_type(4))); /* structs have no assignment between memories */
typedef uint32_t vector_8 __attribute__((ext_vector_type(2)));

/* What is loaded in place of what is not there, so that no load is a branch. */
static __attribute__((device)) const words_16 hip_zeros = {{0, 0, 0, 0}};

/* The address is given to the load as one of global memory: a load from memory of any kind would also wait for shared
 * memory. */
template <typename VECTOR> GPU_DEVICE VECTOR load_global(const void *from, bool valid)
{
    const void *address = valid ? from : &hip_zeros;
    return *(const in_global_memory<VECTOR> *)address;
}

GPU_DEVICE words_16 load_global_16(const void *from, bool valid)
{
    return __builtin_bit_cast(words_16, load_global<vector_16>(from, valid));
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

/* The loads are under way until finish() wants their words. They begin as zeros: from what is not set the compiler
 * concludes that it may as well keep what was there before, in registers and through all of a kernel. */
template <int PIECES, int SQUARES, bool HELD_BACK> struct copy_batch {
    using place = in_shared_memory<vector_16> *;

    words_16 words[PIECES] = {};
    place places[PIECES] = {};
    vector_8 square_words[SQUARES][4] = {};
    place square_places[SQUARES][2] = {};

    GPU_DEVICE void copy(int number, void *to, const void *from, bool valid = true)
    {
        words[number] = load_global_16(from, valid);
        places[number] = (place)to;
    }

    template <typename T>
    GPU_DEVICE void copy_square(int number, T *const (&to)[2], const char *const (&from)[4], const bool (&valid)[4])
    {
#pragma unroll
        for (int row = 0; row < 4; row++)
            square_words[number][row] = load_global<vector_8>(from[row], valid[row]);
        square_places[number][0] = (place)to[0];
        square_places[number][1] = (place)to[1];
    }

    GPU_DEVICE void begun()
    {
    }

    template <int LATER> GPU_DEVICE void finish()
    {
#pragma unroll
        for (int number = 0; number < PIECES; number++)
            *places[number] = __builtin_bit_cast(vector_16, words[number]);
#pragma unroll
        for (int number = 0; number < SQUARES; number++)
            store_square(number);
    }

    GPU_DEVICE void store_square(int number)
    {
        const vector_8(&rows)[4] = square_words[number];
        if (!square_places[number][0])
            return;
#pragma unroll
        for (int half = 0; half < 2; half++) {
            vector_16 columns;
#pragma unroll
            for (int i = 0; i < 2; i++) {
                columns[i] = lower_halves(rows[2 * i][half], rows[2 * i + 1][half]);
                columns[2 + i] = upper_halves(rows[2 * i][half], rows[2 * i + 1][half]);
            }
            *square_places[number][half] = columns;
        }
    }
};

/* In registers. They begin as zeros for the reason that copy_batch has. */
template <int PIECES, int THREADS> struct fetched_pieces {
    static constexpr int BYTES = 0;

    words_16 words[PIECES] = {};

    GPU_DEVICE explicit fetched_pieces(char *)
    {
    }
    GPU_DEVICE void fetch(int number, const void *from, bool valid)
    {
        words[number] = load_global_16(from, valid);
    }
    GPU_DEVICE void begun()
    {
    }
    GPU_DEVICE void wait()
    {
    }
    GPU_DEVICE words_16 piece(int number) const
    {
        return words[number];
    }
};

#endif
