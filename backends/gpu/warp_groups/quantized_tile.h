/* Tiles of rows against quantised keys and values, by a group that computes: as in forward_tile.h. Of an item of which
 * it has no tile, it widens halves of chunks for the group that has one. */
#ifndef VARLEN_GPU_WARP_GROUPS_QUANTIZED_TILE_H
#define VARLEN_GPU_WARP_GROUPS_QUANTIZED_TILE_H

#include "warp_groups/forward_tile.h"
#include "warp_groups/quantized_widen.h"

template <typename INSTANCE> struct group_quantized_work : group_forward_work<INSTANCE> {
    using forward = group_forward_work<INSTANCE>;
    using side_type = widened_side<INSTANCE>;

    group_quantized_shared<INSTANCE> &places;
    stage_turn<INSTANCE::BYTE_STAGES> bytes; /* of the chunk that comes next, when the group passes by an item */

    GPU_DEVICE group_quantized_work(const group_forward_arguments &arguments,
                                    group_quantized_shared<INSTANCE> &its_shared, int32_t its_group)
        : forward(arguments, its_shared, its_group), places(its_shared)
    {
    }

    GPU_DEVICE static int32_t chunks_in(const forward_item &its_item)
    {
        const gpu_span chunks = chunks_of<INSTANCE::CHUNK_KEYS>(its_item.keys);
        return chunks.end - chunks.begin;
    }

    GPU_DEVICE void multiply_tile(const forward_item &its_item, int32_t tile)
    {
        forward::multiply_tile(its_item, tile);
        bytes.advance_by(chunks_in(its_item));
    }

    /* The second half of a chunk. Keys and values are at the same turn. As one that computes, a thread would leave a
     * place of both; it has waited for one alone, and leaves that one twice. */
    GPU_DEVICE void widen_half(side_type &side)
    {
        const int32_t to = this->keys.stage;
        side.await(bytes, this->keys);
        side.widen(bytes.stage, to, {side_type::HALF, side_type::HALF});
        fence_shared();
        side.half_done(bytes.stage, to);
        for (int n = 0; n < INSTANCE::HALVES; n++)
            side.places[to].leave_by_thread();
        this->keys.advance();
        this->values.advance();
    }

    /* An item of which this group has no tile. */
    GPU_DEVICE void pass_by_item(const forward_item &its_item)
    {
        side_type side(this->problem, places);
        const int32_t chunks = chunks_in(its_item);
        for (int32_t chunk = 0; chunk < chunks; chunk++) {
            if (widens_halves<INSTANCE>(this->args, its_item, chunk))
                widen_half(side);
            else
                this->pass_by();
            bytes.advance();
        }
    }
};

#endif
