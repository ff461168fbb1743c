/* Rows that shared memory has no room for come in slabs, so many of their columns at a time, through a ring of stages:
 * while one is multiplied, those behind it are on their way. */
#ifndef VARLEN_GPU_SLAB_RING_H
#define VARLEN_GPU_SLAB_RING_H

#include "platform.h"

#include <type_traits>

constexpr int slabs_of(int dim, int columns)
{
    return (dim + columns - 1) / columns;
}

/* Several batches of copies under way, as a platform's own copies keep track of them. */
struct grouped_copies {
    GPU_DEVICE void copy(int, void *to, const void *from) const
    {
        copy_16(to, from);
    }
    GPU_DEVICE void copy(int, void *to, const void *from, bool valid) const
    {
        copy_16(to, from, valid);
    }
    GPU_DEVICE void begun() const
    {
        copies_commit();
    }
    template <int LATER> GPU_DEVICE void finish() const
    {
        copies_wait<LATER>();
    }
};

/* PIECES that a thread copies of a slab. With two stages, one batch of copies may be held in registers. */
template <int PIECES, int STAGES> struct slab_ring {
    static_assert(STAGES > 1, "one slab is multiplied while the next is on its way");
    static constexpr int AHEAD = STAGES - 1;

    std::conditional_t<STAGES == 2, copy_batch<PIECES, 0, false>, grouped_copies> copies;
    int32_t from = 0; /* the stage that is multiplied next */
    int32_t to = 0;   /* the one that is copied to next */

    GPU_DEVICE static int32_t after(int32_t stage)
    {
        return stage + 1 == STAGES ? 0 : stage + 1;
    }

    /* copy_slab(copies, stage) begins to copy a slab, or nothing where there are no more. */
    template <typename COPY> GPU_DEVICE void begin(COPY copy_slab)
    {
        copy_slab(copies, to);
        copies.begun();
        to = after(to);
    }

    /* Until the next slab is there, of which this is the stage, and nobody needs the one before it. */
    template <typename COPY> GPU_DEVICE int32_t next(COPY copy_slab)
    {
        copies.template finish<AHEAD - 1>();
        block_barrier();
        begin(copy_slab);
        const int32_t stage = from;
        from = after(from);
        return stage;
    }
};

#endif
