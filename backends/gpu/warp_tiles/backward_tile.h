/* Backward attention of one item (Dao, FlashAttention-2, 2023): a tile of keys against the chunks of query rows that
 * see it. Warps stand in another grid for each product, so that each reads as little shared memory as it can:
 *
 *     copy keys and values, and the first two chunks of rows of q, dout, lse and delta
 *     for each chunk of rows:
 *         S = Q K^T,  dP = dO V^T               [row][key]
 *         P = exp2(transform, mask(S) - lse)    weights again, from forward's lse
 *         dS = P * (dP - delta)                 and the derivative of softcap; dropout goes to dP, and to P after dS
 *         P and dS, rounded, to shared memory
 *         dV += P^T dO,  dK += dS^T Q           [key][dim], kept in registers
 *         dQ = dS K                             [row][dim], added to a sum over tiles
 *         wait for the next chunk, begin to copy the one behind it
 *     dk = scale * dK, dv = dV */
#ifndef VARLEN_GPU_BACKWARD_TILE_H
#define VARLEN_GPU_BACKWARD_TILE_H

#include "warp_tiles/backward_copies.h"
#include "warp_tiles/backward_results.h"
#include "warp_tiles/backward_scores.h"

/* Where SUMS_DQ is false, no other tile adds to the dq of any item. */
template <typename INSTANCE, bool SUMS_DQ> struct backward_work {
    using dk_grid = typename INSTANCE::dk;
    using dv_grid = typename INSTANCE::dv;
    using dq_grid = typename INSTANCE::dq;
    static constexpr int ROWS = INSTANCE::ROWS;

    const backward_arguments &args;
    const backward_item &item;
    backward_memory<INSTANCE> memory;
    backward_copies<INSTANCE> copies;
    typename dk_grid::sums dk;
    typename dv_grid::sums dv;

    GPU_DEVICE backward_work(const backward_arguments &arguments, const backward_item &its_item)
        : args(arguments), item(its_item), memory{shared_memory()}, copies(arguments, its_item)
    {
    }

    GPU_DEVICE void find_dq(typename dq_grid::sums &dq) const
    {
        dq.clear();
        multiply_tiles<INSTANCE::KEYS>(dq, memory.ds(), dq_grid::row(), memory.k(), dq_grid::column());
    }

    GPU_DEVICE void add_to_dq(int32_t chunk)
    {
        typename dq_grid::sums dq;
        find_dq(dq);
        add_dq<INSTANCE>(args, item, dq, chunk);
        copies.await_next(chunk);
    }

    /* Where no other tile adds to it. By way of shared memory, it takes the place of q, when nobody needs that any
     * more. */
    GPU_DEVICE void store_whole_dq(int32_t chunk)
    {
        constexpr bool by_shared_memory = INSTANCE::TUNING.results_by_shared_memory;
        if (by_shared_memory)
            copies.await_next(chunk);
        typename dq_grid::sums dq;
        find_dq(dq);
        store_dq<INSTANCE>(args, item.sequence, item.kv_head, chunk * ROWS, rows_of_chunk<INSTANCE>(item, chunk), dq,
                           memory.q(stage_of<INSTANCE>(item, chunk)));
        if (!by_shared_memory)
            copies.await_next(chunk);
    }

    /* A chunk of rows that is in shared memory; then begins to copy the one after the next. */
    GPU_DEVICE void multiply_chunk(int32_t chunk)
    {
        const int stage = stage_of<INSTANCE>(item, chunk);
        find_weights(args, item, memory, chunk, stage);
        block_barrier(); /* P and dS are there */
        multiply_columns<ROWS>(dv, memory.p(), dv_grid::row(), memory.dout(stage), dv_grid::column());
        multiply_columns<ROWS>(dk, memory.ds(), dk_grid::row(), memory.q(stage), dk_grid::column());
        if (SUMS_DQ && dq_is_summed(item.sequence, args.cut))
            add_to_dq(chunk);
        else
            store_whole_dq(chunk);
        copies.copy_ahead(chunk);
    }

    GPU_DEVICE void multiply_all()
    {
        dk.clear();
        dv.clear();
        if (item.first_chunk < item.end_chunk)
            copies.begin();
        for (int32_t chunk = item.first_chunk; chunk < item.end_chunk; chunk++)
            multiply_chunk(chunk);
        store_dk_and_dv<INSTANCE>(args, item, memory, dk, dv);
    }
};

#endif
