/* Slabs of quantised rows (slab_ring.h) come as bytes: those of the next slab are on their way while one is multiplied,
 * and widened by the threads that fetched them into the stage of the slab before it. */
#ifndef VARLEN_GPU_WIDENED_RING_H
#define VARLEN_GPU_WIDENED_RING_H

#include "warp_tiles/byte_rows.h"

template <typename T, int THREADS, int ROWS, int COLUMNS> struct widened_ring {
    static constexpr int STAGES = 2;
    static constexpr int AHEAD = 1;
    using slab = shared_tile<T, COLUMNS>;
    using shares = byte_shares<THREADS, ROWS, COLUMNS>;
    using pieces_type = fetched_pieces<shares::STEPS, THREADS>;
    static constexpr int STAGE_BYTES = slab::bytes(ROWS);
    static constexpr int BYTES = pieces_type::BYTES; /* of shared memory, where bytes wait */

    char *stages;
    pieces_type pieces;
    widening how;
    int32_t to = 0; /* the stage of the slab that comes next */

    /* Stages one behind the other, and BYTES. */
    GPU_DEVICE widened_ring(char *stages_of_slabs, char *bytes, int32_t dtype)
        : stages(stages_of_slabs), pieces(bytes), how(widening_of<T>(dtype))
    {
    }

    /* fetch_slab(pieces, stage) begins to fetch a slab, or nothing where there are no more. */
    template <typename FETCH> GPU_DEVICE void begin(FETCH fetch_slab)
    {
        fetch_slab(pieces, to);
        pieces.begun();
    }

    /* As slab_ring's. */
    template <typename FETCH> GPU_DEVICE int32_t next(FETCH fetch_slab)
    {
        const int32_t stage = to;
        pieces.wait();
        widen_byte_rows<shares>(pieces, 0, slab{(T *)(stages + stage * STAGE_BYTES)}, how);
        to = 1 - to;
        begin(fetch_slab);
        block_barrier();
        return stage;
    }
};

#endif
