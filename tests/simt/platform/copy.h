/* From global to shared memory, at any time until waited for: see backends/gpu/platform.h. */
#ifndef VARLEN_SIMT_COPY_H
#define VARLEN_SIMT_COPY_H

#include "platform/device.h"

GPU_DEVICE void copy_16(void *to, const void *from, bool valid)
{
    simt_require((uintptr_t)to % 16 == 0, "copy_16: the destination is not a multiple of 16");
    simt_require(!valid || (from && (uintptr_t)from % 16 == 0), "copy_16: the source is NULL or not a multiple of 16");
    simt_copy_later({to, valid ? from : nullptr});
}

GPU_DEVICE void copy_16(void *to, const void *from)
{
    copy_16(to, from, true);
}

GPU_DEVICE void copies_commit()
{
    simt_copies_commit();
}

template <int GROUPS> GPU_DEVICE void copies_wait()
{
    simt_copies_wait(GROUPS);
}

template <int PIECES, int SQUARES, bool HELD_BACK> struct copy_batch {
    static_assert(SQUARES == 0, "squares are held back");

    void copy(int number, void *to, const void *from, bool valid = true)
    {
        simt_require(number >= 0 && number < PIECES, "copy_batch: there is no piece of this number");
        copy_16(to, from, valid);
    }
    void begun()
    {
        copies_commit();
    }
    template <int LATER> void finish()
    {
        copies_wait<LATER>();
    }
};

/* Held back by way of a copy of its own. */
template <int PIECES, int SQUARES> struct copy_batch<PIECES, SQUARES, true> {
    words_16 words[PIECES];
    void *places[PIECES] = {};
    uint16_t squares[SQUARES][4][4]; /* [column][row] */
    void *square_places[SQUARES][2] = {};

    void copy(int number, void *to, const void *from, bool valid = true)
    {
        simt_require(number >= 0 && number < PIECES, "copy_batch: there is no piece of this number");
        words[number] = valid ? load_16(from) : words_16{};
        places[number] = to;
    }
    template <typename T>
    void copy_square(int number, T *const (&to)[2], const char *const (&from)[4], const bool (&valid)[4])
    {
        simt_require(number >= 0 && number < SQUARES, "copy_batch: there is no square of this number");
        for (int row = 0; row < 4; row++) {
            simt_require(!valid[row] || (from[row] && (uintptr_t)from[row] % 8 == 0),
                         "copy_square: the source is NULL or not a multiple of 8");
            for (int column = 0; column < 4; column++)
                squares[number][column][row] = valid[row] ? ((const uint16_t *)from[row])[column] : 0;
        }
        square_places[number][0] = to[0];
        square_places[number][1] = to[1];
    }
    void begun()
    {
        copies_commit();
    }
    template <int LATER> void finish()
    {
        copies_wait<LATER>();
        for (int number = 0; number < PIECES; number++) {
            simt_require(places[number], "copy_batch: a piece that is to be finished has not been begun");
            store_16(places[number], words[number]);
        }
        for (int number = 0; number < SQUARES; number++)
            for (int half = 0; half < 2 && square_places[number][half]; half++)
                memcpy(square_places[number][half], squares[number][2 * half], 16);
    }
};

template <int PIECES, int THREADS> struct fetched_pieces {
    static constexpr int BYTES = PIECES * THREADS * 16;

    char *own;

    explicit fetched_pieces(char *memory) : own(memory + thread_index() * 16)
    {
    }
    void fetch(int number, const void *from, bool valid)
    {
        simt_require(number >= 0 && number < PIECES, "fetched_pieces: there is no piece of this number");
        copy_16(own + number * THREADS * 16, from, valid);
    }
    void begun()
    {
        copies_commit();
    }
    void wait()
    {
        copies_wait<0>();
    }
    words_16 piece(int number) const
    {
        return load_16(own + number * THREADS * 16);
    }
};

#endif
