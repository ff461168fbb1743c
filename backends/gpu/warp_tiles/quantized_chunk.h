/* A chunk of quantised keys and values on its way to shared memory: its bytes and scales are fetched while the chunk
 * before it is multiplied, then widened by the threads that fetched them. */
#ifndef VARLEN_GPU_QUANTIZED_CHUNK_H
#define VARLEN_GPU_QUANTIZED_CHUNK_H

#include "warp_tiles/byte_rows.h"
#include "warp_tiles/chunk_scales.h"

template <int THREADS, int KEYS, int HEAD_DIM, int VALUE_DIM> struct quantized_chunk {
    using key_shares = byte_shares<THREADS, KEYS, HEAD_DIM>;
    using value_shares = byte_shares<THREADS, KEYS, VALUE_DIM>;
    using pieces_type = fetched_pieces<key_shares::STEPS + value_shares::STEPS, THREADS>;
    static constexpr int BYTES = (int)sizeof(chunk_scales<KEYS>) + pieces_type::BYTES;

    chunk_scales<KEYS> &shared; /* behind the stage */
    pieces_type pieces;
    fetched_scales<THREADS, KEYS> scales;

    GPU_DEVICE explicit quantized_chunk(char *memory)
        : shared(*(chunk_scales<KEYS> *)memory), pieces(memory + sizeof(chunk_scales<KEYS>))
    {
    }

    /* Keys of an item from `first` on. */
    GPU_DEVICE void begin(const gpu_problem &problem, const forward_item &item, const gpu_key_rows &keys,
                          const gpu_key_rows &values, int32_t first)
    {
        fetch_byte_rows<key_shares>(pieces, 0, keys, first, item.keys.end, problem.head_dim);
        fetch_byte_rows<value_shares>(pieces, key_shares::STEPS, values, first, item.keys.end, problem.value_dim);
        pieces.begun();
        scales.fetch(problem, item, first);
    }

    /* When the stage is no longer needed. */
    template <typename T>
    GPU_DEVICE void finish(const shared_tile<T, HEAD_DIM> &keys, const shared_tile<T, VALUE_DIM> &values, int32_t dtype)
    {
        const widening how = widening_of<T>(dtype);
        pieces.wait();
        widen_byte_rows<key_shares>(pieces, 0, keys, how);
        widen_byte_rows<value_shares>(pieces, key_shares::STEPS, values, how);
        scales.store(shared);
    }
};

#endif
