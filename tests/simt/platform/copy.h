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

template <int PIECES, bool HELD_BACK> struct copy_batch {
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
template <int PIECES> struct copy_batch<PIECES, true> {
    words_16 words[PIECES];
    void *places[PIECES];

    void copy(int number, void *to, const void *from, bool valid = true)
    {
        simt_require(number >= 0 && number < PIECES, "copy_batch: there is no piece of this number");
        words[number] = valid ? load_16(from) : words_16{};
        places[number] = to;
    }
    void begun()
    {
        copies_commit();
    }
    template <int LATER> void finish()
    {
        copies_wait<LATER>();
        for (int number = 0; number < PIECES; number++)
            store_16(places[number], words[number]);
    }
};

#endif
